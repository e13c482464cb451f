import { computed, effect } from "@preact/signals";
import { VERSION } from "webgraft";
import { adapter } from "./adapter.ts";
import { addressOf, lesson, type Place, place, places } from "./address.ts";
import { openDrawer } from "./drawer.tsx";
import { openHelp } from "./help.tsx";
import { isOpen, isReplay, phase, position, record } from "./studio.ts";
import { count } from "./words.ts";

export const placeNames: Readonly<Record<Place, string>> = {
  race: "Race",
  inspect: "Inspect",
  compare: "Compare",
  images: "Your images",
};

/** Steps over which the rate is measured. */
const MEASURED_STEPS = 8;

/** Training images a second, of all lanes together, over the last steps. */
const imagesPerSecond = computed(() => {
  const run = record.value;
  const steps = run?.seeds.at(-1)?.steps.slice(-MEASURED_STEPS) ?? [];
  if (!run || isReplay.value || steps.length < 2) return undefined;
  const images = steps.reduce((sum, { losses }) => sum + losses.filter((loss) => loss !== null).length, 0);
  const milliseconds = steps.reduce((sum, step) => sum + step.milliseconds, 0);
  return (images * run.settings.batch * 1000) / milliseconds;
});

export function Header() {
  return (
    <header class="top">
      <a class="name" href={addressOf("race")}>
        Webgraft
      </a>
      <nav aria-label="Places">
        {places.map((name) => (
          <a key={name} href={addressOf(name)} aria-current={place.value === name ? "page" : undefined}>
            {placeNames[name]}
          </a>
        ))}
      </nav>
      <p class="machine">
        <Machine />
      </p>
      <div class="tools">
        <a href="docs/index.html">Docs</a>
        {!lesson.value && (
          <button
            type="button"
            aria-keyshortcuts=","
            title="All settings of a race (key ,)"
            onClick={openDrawer}
          >
            Settings
          </button>
        )}
        <button type="button" aria-label="Keys and help" title="Keys and help (key ?)" onClick={openHelp}>
          ?
        </button>
      </div>
    </header>
  );
}

function Machine() {
  const found = adapter.value;
  const rate = imagesPerSecond.value;
  const name = found.state === "there" ? found.name : found.state === "none" ? "no WebGPU" : "…";
  return (
    <>
      {name}
      {rate !== undefined && (
        <span title="Training images of all lanes together, over the last steps">
          {" "}
          · {count(Math.round(rate))} images/s
        </span>
      )}{" "}
      · nothing leaves this page
    </>
  );
}

export function Footer() {
  return (
    <footer class="foot">
      <p class="machine">
        <Machine />
      </p>
      <p>
        Webgraft {VERSION}, MIT licence. Images: MNIST (LeCun, Cortes and Burges) and Fashion-MNIST (Zalando).
      </p>
    </footer>
  );
}

/** Keeps the title of the page, which says how far the race is, in a hidden tab too. */
export function followTitle(): void {
  const title = computed(() => {
    const { seed, step } = position.value ?? {};
    const isAt = isOpen.value && seed !== undefined;
    const where = isAt ? `seed ${seed} of ${record.peek()?.settings.seeds}, step ${step}` : phase.value;
    const words = phase.value === "idle" ? placeNames[place.value] : where;
    return `Webgraft · ${words}`;
  });
  effect(() => {
    document.title = title.value;
  });
}
