import { verdict } from "webgraft";
import type { RunRecord, SeedLog, StepLog } from "../runs/run.ts";
import type { StudioEvent } from "../worker/events.ts";

/** A race on a quick GPU takes about as long for a step. */
const STEP_MS = 60;

/** The race that was recorded for browsers without WebGPU. Rejects when it does not load. */
export async function recordedRace(): Promise<RunRecord> {
  const response = await fetch(new URL("../recorded/race.json", import.meta.url));
  if (!response.ok) {
    throw new Error(`The recorded race did not load: the server answered ${response.status}.`);
  }
  return (await response.json()) as RunRecord;
}

/** Tells a race that was recorded as if it ran now, and obeys as a race does. */
export class Replay {
  readonly #record: RunRecord;
  #paused = false;
  #stopped = false;
  /** Steps to make before the next pause. */
  #ahead = 0;
  #wake = (): void => {};

  constructor(record: RunRecord) {
    this.#record = record;
  }

  /** Resolves at the end or after `stop`. */
  async run(tell: (event: StudioEvent) => void): Promise<{ readonly stopped: boolean }> {
    for (const event of eventsOf(this.#record)) {
      if (event.type === "step") await this.#turn(() => tell({ ...event, type: "paused" }));
      if (this.#stopped) break;
      tell(event);
    }
    return { stopped: this.#stopped };
  }

  pause(): void {
    this.#paused = true;
    this.#wake();
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  step(): void {
    this.#paused = true;
    this.#ahead = 1;
    this.#wake();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake();
  }

  /** Settles when the next step is due. */
  async #turn(tellPaused: () => void): Promise<void> {
    const woken = (): Promise<void> => new Promise((resolve) => (this.#wake = resolve));
    await Promise.race([woken(), new Promise((resolve) => setTimeout(resolve, STEP_MS))]);
    while (this.#paused && !this.#stopped) {
      if (this.#ahead-- > 0) return;
      this.#ahead = 0;
      tellPaused();
      await woken();
    }
  }
}

/** What was told of a race, up to the gradients that its record leaves out: the last ones stand for those. */
export function* eventsOf(record: RunRecord): Generator<StudioEvent> {
  const { lanes, memory, classes, sampleImages, settings } = record;
  yield { type: "open", lanes, memory, classes, sampleImages };
  for (const [index, log] of record.seeds.entries()) {
    const { seed, totalSteps, samples, ended, result } = log;
    yield { type: "seed", seed, index, seeds: settings.seeds, totalSteps };
    let { gradients } = log.steps[0]!;
    for (const at of log.steps) {
      if (at.gradients.length > 0) gradients = at.gradients;
      yield stepEvent(record, log, { ...at, gradients });
      for (const { step, accuracies } of samples) {
        if (step === at.step) yield { type: "sample", seed, step, accuracies };
      }
    }
    for (const { lane, message } of ended) yield { type: "ended", seed, lane, message };
    if (!result) return;
    const seeds = record.seeds.slice(0, index + 1).flatMap((each) => each.result ?? []);
    yield { type: "result", ...result, verdict: verdict({ lanes: settings.lanes, seeds }) };
  }
}

function stepEvent(
  { lanes, settings }: RunRecord,
  { seed, totalSteps }: SeedLog,
  { step, milliseconds, rate, losses, gradients }: StepLog,
): StudioEvent & { readonly type: "step" } {
  return {
    type: "step",
    seed,
    step,
    totalSteps,
    epoch: Math.ceil((step / totalSteps) * settings.epochs),
    milliseconds,
    lanes: losses.map((loss, i) => {
      if (loss === null) return null;
      const gradientNorms = Object.fromEntries(
        lanes[i]!.layers.map(({ label }, k) => [`${label}.weight`, gradients[i]?.[k] ?? 0]),
      );
      return {
        step,
        loss,
        accuracy: Number.NaN,
        learningRate: rate,
        examples: settings.batch,
        gradientNorms,
      };
    }),
  };
}
