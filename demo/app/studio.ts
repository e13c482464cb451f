/** The race as the page sees it: signals that the worker's events change, and what one can do. */
import { computed, signal } from "@preact/signals";
import * as Comlink from "comlink";
import type { RunRecord } from "../runs/run.ts";
import { RunLog } from "../runs/run-log.ts";
import { keepOpenRace, openRace } from "../runs/store.ts";
import { RACE_LOCK, type StudioEvent } from "../worker/events.ts";
import type { StudioWorker } from "../worker/worker.ts";
import { adapter } from "./adapter.ts";
import { choose, settings } from "./address.ts";
import { Replay, recordedRace } from "./replay.ts";

export type Phase =
  | "idle"
  | "loading"
  | "compiling"
  | "running"
  | "pausing"
  | "paused"
  | "testing"
  | "stopping"
  | "stopped"
  | "done"
  | "failed";

export const phase = signal<Phase>("idle");

/** Whether a race is under way. */
export const isOpen = computed(() => !["idle", "stopped", "done", "failed"].includes(phase.value));

/** Bytes or pipelines, while loading or compiling. */
export const progress = signal<{ readonly done: number; readonly of: number | undefined }>({
  done: 0,
  of: undefined,
});

/** What ended the race, in words. */
export const problem = signal<string | undefined>(undefined);

/** What is worth a line, such as that the device was lost and the race went on. */
export const notice = signal<string | undefined>(undefined);

/** Class probabilities by lane for what is on the pad. */
export const guesses = signal<readonly (readonly number[])[] | undefined>(undefined);

/** Where the race that runs is; follows each step, in a hidden tab too. */
export const position = signal<{ readonly seed: number; readonly step: number } | undefined>(undefined);

/** The race that this browser keeps, unless a page runs it. */
export const kept = signal<{ readonly seed: number; readonly step: number } | undefined>(undefined);

/** Whether what is seen was recorded elsewhere. */
export const isReplay = signal(false);

let log: RunLog | undefined;

const told = signal(0);

/** The record of the race that runs or ran last, or is replayed; a new object at most once a frame. */
export const record = computed<RunRecord | undefined>(() => {
  void told.value;
  return log && { ...log.record };
});

let drawing = false;

/** Draws at the next frame; a hidden tab has none. */
function redraw(): void {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    told.value++;
  });
}

let remote: Comlink.Remote<StudioWorker> | undefined;

/** The worker, which is started when first needed. */
export function worker(): Comlink.Remote<StudioWorker> {
  remote ??= Comlink.wrap<StudioWorker>(
    new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module", name: "studio" }),
  );
  return remote;
}

let replay: Replay | undefined;

/** What obeys: the replay or the worker. */
const runner = (): Pick<StudioWorker, "pause" | "resume" | "step" | "stop"> => replay ?? worker();

/** Starts a race with the settings of the page, or replays the recorded one where none can run. */
export async function start(): Promise<void> {
  if (adapter.value.state === "none") return replayRecorded();
  const now = settings.value;
  await follow(RunLog.begin(now), (tell) => worker().race(now, Comlink.proxy(tell)));
}

/** Goes on with the race that this browser keeps. */
export async function goOn(): Promise<void> {
  const open = await openRace();
  if (!open) return;
  settings.value = open.record.settings;
  await follow(new RunLog(open.record), (tell) => worker().goOn(Comlink.proxy(tell)));
}

/** Looks for a race to go on with, once no page runs it any more. */
export async function lookForKept(): Promise<void> {
  await navigator.locks?.request(RACE_LOCK, async () => {
    // Private windows may keep nothing.
    const open = await openRace().catch(() => undefined);
    kept.value = open && { seed: open.snapshot.seed, step: open.snapshot.step };
  });
}

/** Forgets the race that this browser keeps. */
export async function discardKept(): Promise<void> {
  await keepOpenRace(undefined);
  kept.value = undefined;
}

async function replayRecorded(): Promise<void> {
  try {
    const recorded = await recordedRace();
    settings.value = recorded.settings;
    const begin = new RunLog({ ...recorded, seeds: [], verdict: undefined, stopped: undefined });
    const playing = new Replay(recorded);
    await follow(begin, (tell) => playing.run(tell), playing);
  } catch (error) {
    problem.value = (error as Error).message;
  }
}

export function pause(): void {
  phase.value = "pausing";
  void runner().pause();
}

export function resume(): void {
  phase.value = "running";
  void runner().resume();
}

/** One step of all lanes, and pause. */
export function step(): void {
  phase.value = "pausing";
  void runner().step();
}

export function stop(): void {
  phase.value = "stopping";
  void runner().stop();
}

/** Of the next race or, while one is open, for all lanes from the next step on. */
export function setLearningRate(rate: number): void {
  if (!isOpen.value) choose({ rate });
  else void worker().setLearningRate(rate);
}

/** The rate that the lanes learn with, at the height of their schedule. */
export const learningRate = computed(() => settings.value.rates.at(-1)?.rate ?? settings.value.rate);

let asked: Uint8Array | undefined;
/** Whether there is anything on the pad. */
let shown = false;
let guessing = false;

/** Lets all lanes guess what is on the pad (or nothing); what is drawn meanwhile is guessed next. */
export async function guess(pixels: Uint8Array | undefined): Promise<void> {
  asked = pixels;
  shown = pixels !== undefined;
  if (!shown) guesses.value = undefined;
  if (guessing) return;
  guessing = true;
  try {
    while (asked) {
      const now = asked;
      asked = undefined;
      const answer = await worker().guess(now);
      // Between two seeds there are no lanes for a moment; and the pad may have been cleared meanwhile.
      if (answer && shown) guesses.value = answer;
    }
  } catch (error) {
    // The lanes of a seed that has ended, or a lost device.
    console.debug(error);
  } finally {
    guessing = false;
  }
}

async function follow(
  begin: RunLog,
  run: (tell: (event: StudioEvent) => void) => Promise<{ readonly stopped: boolean }>,
  playing?: Replay,
): Promise<void> {
  replay?.stop();
  replay = playing;
  isReplay.value = playing !== undefined;
  kept.value = undefined;
  position.value = undefined;
  log = begin;
  problem.value = undefined;
  notice.value = undefined;
  phase.value = "loading";
  progress.value = { done: 0, of: undefined };
  redraw();
  const tell = (event: StudioEvent): void => {
    if (log === begin) hear(event);
  };
  try {
    const { stopped } = await run(tell);
    if (log !== begin) return;
    phase.value = stopped ? "stopped" : "done";
    begin.record.stopped = stopped;
  } catch (error) {
    if (log !== begin) return;
    const { name, message } = error as Error;
    phase.value = name === "AbortError" ? "stopped" : "failed";
    begin.record.stopped = true;
    if (name !== "AbortError") {
      problem.value = message;
      void lookForKept();
    }
  }
  redraw();
}

function hear(event: StudioEvent): void {
  log!.apply(event);
  switch (event.type) {
    case "loading":
      progress.value = { done: event.loaded, of: event.total };
      break;
    case "compiling":
      if (phase.value !== "loading" && phase.value !== "compiling") return;
      phase.value = "compiling";
      progress.value = { done: event.ready, of: event.wanted };
      break;
    case "seed":
    case "step": {
      const { seed, step, totalSteps } = { step: 0, ...event };
      position.value = { seed, step };
      if (step === totalSteps && phase.value === "running") phase.value = "testing";
      else if (["loading", "compiling", "testing"].includes(phase.value)) phase.value = "running";
      break;
    }
    case "paused":
      phase.value = "paused";
      break;
    case "rates":
      // The address is that of this very run.
      settings.value = { ...settings.value, rates: event.rates };
      break;
    case "lost":
      phase.value = "loading";
      notice.value = "The GPU was lost. The race goes on by itself from its last snapshot.";
      break;
    case "restored":
      if (notice.value)
        notice.value = `The GPU was lost. The race went on from step ${event.step} of seed ${event.seed}.`;
      break;
    case "refused":
      notice.value = `The race goes on, but this browser does not keep it (${event.message}).`;
      break;
  }
  redraw();
}
