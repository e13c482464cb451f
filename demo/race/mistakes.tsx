import { computed, signal, useSignalEffect } from "@preact/signals";
import { useLayoutEffect } from "preact/hooks";
import { phase, record, worker } from "../app/studio.ts";
import { count, percent } from "../app/words.ts";
import { laneNames } from "../runs/lane-names.ts";
import type { Mistake } from "../worker/mistakes.ts";
import { Picture } from "./picture.tsx";
import { bestLane, shownRun } from "./shown.ts";

const COUNT = 8;

/** The lane that was chosen; the best one before. */
const wanted = signal<number | undefined>(undefined);
const lane = computed(() => wanted.value ?? (shownRun.value ? bestLane(shownRun.value) : 0));

const found = signal<{ readonly of: string; readonly mistakes: readonly Mistake[] } | undefined>(undefined);
const looking = signal(false);

/** Whose mistakes: of a lane, after a number of steps of a seed. */
const current = computed(() => {
  const log = shownRun.value?.seeds.at(-1);
  return log && log.steps.length > 0
    ? `${shownRun.value!.id} ${log.seed} ${log.steps.length} ${lane.value}`
    : "";
});

async function look(): Promise<void> {
  if (looking.peek()) return;
  looking.value = true;
  const of = current.peek();
  try {
    found.value = { of, mistakes: await worker().mistakes(lane.peek(), COUNT) };
  } catch (error) {
    // The lanes of a seed that has ended, or a lost device.
    console.debug(error);
  } finally {
    looking.value = false;
  }
}

/** The test images that a lane takes for something else and is most sure about; `of` is a lane that was chosen elsewhere. */
export function Mistakes({ of }: { readonly of?: number }) {
  useLayoutEffect(() => {
    wanted.value = of;
  }, [of]);
  // Once the race is over the GPU has time.
  useSignalEffect(() => {
    const { software } = record.value ?? {};
    if (phase.value === "done" && !software && current.value !== "" && found.peek()?.of !== current.value)
      void look();
  });
  const run = shownRun.value;
  return (
    <section class="mistakes" aria-label="Worst mistakes">
      <h2>Worst mistakes</h2>
      {run && current.value !== "" ? (
        <>
          <fieldset class="choice">
            <legend class="hidden">Of which lane</legend>
            {(of === undefined ? run.settings.lanes : []).map((kind, i) => (
              <label key={kind} class={laneNames[kind].origin}>
                <input
                  type="radio"
                  name="mistakes-of"
                  checked={lane.value === i}
                  onChange={() => (wanted.value = i)}
                />
                <span class="segment">{laneNames[kind].name}</span>
              </label>
            ))}
            <button type="button" disabled={looking.value} onClick={() => void look()}>
              {looking.value ? "Looking…" : "Look now"}
            </button>
          </fieldset>
          <List classes={run.classes} />
        </>
      ) : (
        <p class="hint">
          Test images that a lane takes for something else and is most sure about, once it has learnt.
        </p>
      )}
    </section>
  );
}

function List({ classes }: { readonly classes: readonly string[] }) {
  const last = found.value;
  if (!last) {
    return (
      <p class="hint">
        Each lane can be asked at any time; it takes a moment, for it looks at all test images.
      </p>
    );
  }
  const [, seed, steps, index] = last.of.split(" ");
  const name = laneNames[shownRun.value!.settings.lanes[Number(index)]!].name;
  if (last.mistakes.length === 0) return <p class="hint">✓ {name} made none.</p>;
  return (
    <>
      <ul class="wrong">
        {last.mistakes.map(({ pixels, label, guess, probability }, i) => {
          const [is, said] = [classes[label]!.toLowerCase(), classes[guess]!.toLowerCase()];
          return (
            <li key={i}>
              <Picture pixels={pixels} label={`Image of: ${is}`} />
              <p>
                <span class="no">✗ {said}</span> {percent(probability, 0)} sure
                <br />
                <span class="yes">✓ {is}</span>
              </p>
            </li>
          );
        })}
      </ul>
      <p class="hint">
        {name}, seed {seed}, after {count(Number(steps))} steps: ✗ what it says, ✓ what it is.
      </p>
    </>
  );
}
