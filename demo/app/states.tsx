/** What a visitor has to know of the page's state, above every place: a line each, and what can be done. */
import { computed, signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { allowedFor, type RaceSettings } from "../runs/settings.ts";
import { adapter } from "./adapter.ts";
import { choose, refused, settings } from "./address.ts";
import { isOffline, isUpdated } from "./offline.ts";
import { discardKept, goOn, isOpen, isReplay, kept, notice, problem, record, start } from "./studio.ts";
import { EMULATED } from "./words.ts";

/** A step that takes longer on average makes a race of the default settings last for more than five minutes. */
const SLOW_MS = 400;

/** Steps before a mean says something: the first waits for the driver. */
const FEWEST_STEPS = 4;

/** For a GPU that the CPU emulates. */
const small = { images: 600, depth: 14 };

const isSmall = computed(() => {
  const { images, depth } = settings.value;
  return images <= small.images && depth <= small.depth;
});

const slowStep = computed(() => {
  const steps = record.value?.seeds.at(-1)?.steps.slice(1) ?? [];
  const mean = steps.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / steps.length;
  return !isReplay.value && steps.length >= FEWEST_STEPS && mean > SLOW_MS ? mean : undefined;
});

const isSlowDismissed = signal(false);

export function States() {
  return (
    <div class="states">
      <NoGpu />
      <Recorded />
      <Kept />
      <Slow />
      <Problem />
      {notice.value && <Line onDismiss={() => (notice.value = undefined)}>{notice.value}</Line>}
      <Refused />
      {isOffline.value && <Line>You are offline. What this page has loaded before still works.</Line>}
      {isUpdated.value && (
        <Line>A newer version of this page is here; it comes once all its tabs are closed.</Line>
      )}
    </div>
  );
}

function Line({
  children,
  onDismiss,
}: {
  readonly children: ComponentChildren;
  readonly onDismiss?: () => void;
}) {
  return (
    <div class="state" role="status">
      <div>{children}</div>
      {onDismiss && (
        <button type="button" class="dismiss" aria-label="Dismiss this line" onClick={onDismiss}>
          ×
        </button>
      )}
    </div>
  );
}

function NoGpu() {
  const found = adapter.value;
  if (found.state !== "none") return null;
  return (
    <Line>
      <b>No race can run here.</b> {found.why} What you can see is a race that was recorded.
      {found.advice.length > 0 && (
        <details>
          <summary>How to switch WebGPU on in this browser</summary>
          <ol>
            {found.advice.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </details>
      )}
      {!isOpen.value && (
        <p class="actions">
          <button type="button" onClick={() => void start()}>
            {isReplay.value ? "Replay it again" : "Replay the recorded race"}
          </button>
        </p>
      )}
    </Line>
  );
}

function Recorded() {
  const run = record.value;
  if (!isReplay.value || !run) return null;
  const date = new Date(run.date).toLocaleDateString("en", { dateStyle: "long" });
  const gpu = run.software ? `a GPU emulated by the CPU (${run.adapter})` : run.adapter;
  return (
    <Line>
      <b>A replay:</b> recorded on {date} on {gpu}, not on your GPU.
    </Line>
  );
}

function Kept() {
  const at = kept.value;
  if (!at || isOpen.value) return null;
  return (
    <Line>
      <b>
        Go on from step {at.step} of seed {at.seed}?
      </b>{" "}
      This browser kept your last race, and goes on as if nothing had been.
      <p class="actions">
        <button type="button" class="primary" onClick={() => void goOn()}>
          Go on
        </button>
        <button type="button" onClick={() => void discardKept()}>
          Discard it
        </button>
      </p>
    </Line>
  );
}

function Slow() {
  const found = adapter.value;
  const software = (found.state === "there" && found.software) || (!isReplay.value && record.value?.software);
  const ms = slowStep.value;
  if (isSmall.value || isSlowDismissed.value || kept.value || (!software && !ms)) return null;
  const race = (): void => {
    choose(small);
    void start();
  };
  return (
    <Line onDismiss={() => (isSlowDismissed.value = true)}>
      {software ? EMULATED : `A step takes ${Math.round(ms!)} ms here, so a race takes many minutes.`}{" "}
      <button type="button" onClick={race}>
        Race {small.images} images, {small.depth} layers
      </button>
    </Line>
  );
}

function Problem() {
  if (!problem.value) return null;
  return (
    <div class="state problem" role="alert">
      <div>
        <b>✗ The race ended.</b> {problem.value}
      </div>
      <button type="button" onClick={() => void start()}>
        Start again
      </button>
    </div>
  );
}

function Refused() {
  if (refused.value.length === 0) return null;
  return (
    <Line onDismiss={() => (refused.value = [])}>
      This link asks for what there is not, so the default stands:
      <ul>
        {refused.value.map((each) => {
          const name = each.split("=")[0] as keyof RaceSettings;
          return (
            <li key={each}>
              “{each}”: {allowedFor(name)}
            </li>
          );
        })}
      </ul>
    </Line>
  );
}
