/** The network that tells the pictures apart: how it is trained, what it guesses, and what is saved of it. */
import { computed, effect, signal } from "@preact/signals";
import * as Comlink from "comlink";
import { framesOf } from "webgraft";
import { place } from "../app/address.ts";
import { save } from "../app/save.ts";
import { worker } from "../app/studio.ts";
import type { ExportKind, TrainEvent, Trained } from "../worker/images-events.ts";
import { heldOut } from "../worker/images-recipe.ts";
import { stream } from "./camera.ts";
import { classes } from "./collection.ts";
import { recipeFor } from "./recipes.ts";
import { missing } from "./words.ts";

/** A step of the work; `of` is undefined where nobody knows. */
export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly of: number | undefined;
}

/** Undefined while nothing trains. */
export const progress = signal<Progress | undefined>(undefined);

export const problem = signal<string | undefined>(undefined);

/** What came out of the last training on this page. */
export const trained = signal<Trained | undefined>(undefined);

/** The classes that it was trained on, to know whether they have changed. */
const trainedOn = signal(classes.peek());

export const isOutdated = computed(() => trained.value !== undefined && trainedOn.value !== classes.value);

/** The classes of the network that guesses: trained here, or opened from a file. */
export const labels = signal<readonly string[] | undefined>(undefined);

/** The file that it was opened from. */
export const openedFrom = signal<string | undefined>(undefined);

/** The probability of each class for the picture that is looked at. */
export const guess = signal<readonly number[] | undefined>(undefined);

/** A picture to look at in place of the webcam. */
export const shown = signal<Blob | undefined>(undefined);

export async function train(): Promise<void> {
  const now = classes.value;
  if (progress.value || missing(now)) return;
  const pictures = now.reduce((sum, each) => sum + each.pictures.length - heldOut(each.pictures.length), 0);
  progress.value = { what: "Opening the GPU", done: 0, of: undefined };
  problem.value = undefined;
  try {
    const request = {
      ...recipeFor(pictures),
      classes: now.map(({ name, pictures }) => ({ name: name.trim(), pictures })),
    };
    trained.value = await worker().images.train(request, Comlink.proxy(hear));
    trainedOn.value = now;
    labels.value = trained.value.labels;
    openedFrom.value = undefined;
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== "AbortError") problem.value = message;
  } finally {
    progress.value = undefined;
  }
}

export function stop(): void {
  void worker().images.stop();
}

function hear(event: TrainEvent): void {
  // What was told last may come after the end.
  if (!progress.value) return;
  switch (event.type) {
    case "compiling":
      if (progress.value.of && !progress.value.what.startsWith("Compiling")) return;
      progress.value = { what: "Compiling programs for your GPU", done: event.ready, of: event.wanted };
      break;
    case "features":
      progress.value = { what: "Looking at your pictures", done: event.done, of: event.of };
      break;
    case "step":
      progress.value = {
        what: `Training, loss ${event.loss.toFixed(2)}, step`,
        done: event.step,
        of: event.of,
      };
      break;
    case "lost":
      progress.value = { what: "The GPU was lost; beginning again", done: 0, of: undefined };
      break;
  }
}

/** Takes a saved model in place of one trained here. */
export async function openModel(file: File): Promise<void> {
  problem.value = undefined;
  try {
    labels.value = await worker().images.open(file);
    openedFrom.value = file.name;
    trained.value = undefined;
  } catch (error) {
    problem.value = `${file.name} could not be opened: ${(error as Error).message}`;
  }
}

const FILES: Readonly<Record<ExportKind, string>> = {
  model: "my-model.safetensors",
  onnx: "my-model.onnx",
  weights: "my-weights.safetensors",
};

/** Lets the browser save the network. */
export async function saveAs(kind: ExportKind): Promise<void> {
  problem.value = undefined;
  try {
    const bytes = await worker().images.export(kind);
    save(new Blob([bytes]), FILES[kind]);
  } catch (error) {
    problem.value = `The file could not be made: ${(error as Error).message}`;
  }
}

/** Looks at the webcam, a second. */
const FPS = 10;

/** Whether what the webcam sees is guessed: there is a network, and no other work for the GPU. */
const isWatching = computed(
  () => Boolean(stream.value && labels.value && !progress.value && !shown.value) && place.value === "images",
);

let watching = false;

async function watch(camera: MediaStream): Promise<void> {
  if (watching) return;
  watching = true;
  try {
    for await (const frame of framesOf(camera, { fps: FPS })) {
      if (!isWatching.value) {
        frame.close();
        break;
      }
      guess.value = await worker().images.guess(Comlink.transfer(frame, [frame]));
    }
  } catch (error) {
    problem.value = (error as Error).message;
  } finally {
    watching = false;
  }
}

/** Guesses what is on the picture that was given, which need not be one. */
async function look(picture: Blob): Promise<void> {
  try {
    const found = await worker().images.guess(picture);
    if (shown.value === picture) guess.value = found;
  } catch {
    if (shown.value !== picture) return;
    shown.value = undefined;
    problem.value = "The browser cannot read this file as a picture.";
  }
}

effect(() => {
  if (isWatching.value) void watch(stream.value!);
});

// A picture that stays is guessed again by each new network.
effect(() => {
  guess.value = undefined;
  if (shown.value && labels.value && !progress.value) void look(shown.value);
});
