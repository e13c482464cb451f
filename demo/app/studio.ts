/** The race as the page sees it: signals that the worker's events change, and what one can do. */
import { computed, signal } from "@preact/signals";
import * as Comlink from "comlink";
import type { RunRecord } from "../runs/run.ts";
import { RunLog } from "../runs/run-log.ts";
import { openRace } from "../runs/store.ts";
import type { StudioEvent } from "../worker/events.ts";
import type { StudioWorker } from "../worker/worker.ts";
import { settings } from "./address.ts";

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

/** Starts a race with the settings of the page. */
export async function start(): Promise<void> {
  const now = settings.value;
  await follow(RunLog.begin(now), (tell) => worker().race(now, tell));
}

/** Goes on with the race that this browser keeps. */
export async function goOn(): Promise<void> {
  const kept = await openRace();
  if (!kept) return;
  settings.value = kept.record.settings;
  await follow(new RunLog(kept.record), (tell) => worker().goOn(tell));
}

export function pause(): void {
  phase.value = "pausing";
  void worker().pause();
}

export function resume(): void {
  phase.value = "running";
  void worker().resume();
}

/** One step of all lanes, and pause. */
export function step(): void {
  phase.value = "pausing";
  void worker().step();
}

export function stop(): void {
  phase.value = "stopping";
  void worker().stop();
}

/** Of the next race or, while one is open, for all lanes from the next step on. */
export function setLearningRate(rate: number): void {
  if (isOpen.value) void worker().setLearningRate(rate);
  else settings.value = { ...settings.value, rate, rates: [] };
}

/** The rate that the lanes learn with, at the height of their schedule. */
export const learningRate = computed(() => settings.value.rates.at(-1)?.rate ?? settings.value.rate);

let asked: Uint8Array | undefined;
let guessing = false;

/** Lets all lanes guess what is on the pad (or nothing); what is drawn meanwhile is guessed next. */
export async function guess(pixels: Uint8Array | undefined): Promise<void> {
  asked = pixels;
  if (!pixels) guesses.value = undefined;
  if (guessing) return;
  guessing = true;
  try {
    while (asked) {
      const now = asked;
      asked = undefined;
      const answer = await worker().guess(now);
      guesses.value = answer;
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
): Promise<void> {
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
    const { stopped } = await run(Comlink.proxy(tell));
    if (log !== begin) return;
    phase.value = stopped ? "stopped" : "done";
    begin.record.stopped = stopped;
  } catch (error) {
    if (log !== begin) return;
    const { name, message } = error as Error;
    phase.value = name === "AbortError" ? "stopped" : "failed";
    if (name !== "AbortError") problem.value = message;
    begin.record.stopped = true;
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
      if (phase.value === "testing" || phase.value === "compiling") phase.value = "running";
      break;
    case "step": {
      const { step, totalSteps } = event;
      if (phase.value === "compiling" || phase.value === "running") {
        phase.value = step === totalSteps ? "testing" : "running";
      }
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
      notice.value = "The GPU was lost. The race goes on by itself from its last snapshot.";
      break;
    case "refused":
      notice.value = `The race goes on, but this browser does not keep it (${event.message}).`;
      break;
  }
  redraw();
}
