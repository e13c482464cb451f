/** The visitor's classes and their pictures; the pixels are in the worker, and nowhere else. */

import { computed, signal } from "@preact/signals";
import * as Comlink from "comlink";
import { worker } from "../app/studio.ts";
import { count } from "../app/words.ts";
import type { PictureClass, ReadEvent } from "../worker/images-events.ts";
import type { Sorted } from "./sources.ts";

/** So many pictures fit well into a tab's memory: 28 kB each. */
export const MOST_PICTURES = 5_000;

/** A class that one can name and fill. */
export interface OwnClass extends PictureClass {
  readonly key: number;
}

/** A file that is no picture, and why. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

let nextKey = 1;
const newClass = (name: string): OwnClass => ({ key: nextKey++, name, pictures: [] });

export const classes = signal<readonly OwnClass[]>([newClass("Class 1"), newClass("Class 2")]);

/** The class that pasted pictures go to: the one last touched. */
export const target = signal(classes.peek()[0]!.key);

export const skipped = signal<readonly Skipped[]>([]);

/** Files being read; undefined when none are. */
export const reading = signal<{ readonly done: number; readonly of: number } | undefined>(undefined);

export const total = computed(() => classes.value.reduce((sum, { pictures }) => sum + pictures.length, 0));

export const room = computed(() => MOST_PICTURES - total.value);

export function addClass(): OwnClass {
  const names = new Set(classes.value.map(({ name }) => name));
  let number = classes.value.length + 1;
  while (names.has(`Class ${number}`)) number++;
  const added = newClass(`Class ${number}`);
  classes.value = [...classes.value, added];
  return added;
}

export function rename(key: number, name: string): void {
  change(key, (of) => ({ ...of, name }));
}

export function removeClass(key: number): void {
  void worker().images.remove(classes.value.find((of) => of.key === key)?.pictures ?? []);
  classes.value = classes.value.filter((of) => of.key !== key);
  if (target.value === key) target.value = classes.value[0]!.key;
}

export function removePicture(key: number, id: number): void {
  void worker().images.remove([id]);
  change(key, (of) => ({ ...of, pictures: of.pictures.filter((picture) => picture !== id) }));
}

/** Adds files to a class, or each to the class that its folder names. */
export async function addFiles(files: readonly Sorted[], to: number): Promise<void> {
  if (reading.value || files.length === 0) return;
  const taken = files.slice(0, room.value);
  skipped.value = files.slice(taken.length).map(({ file }) => ({
    name: file.name,
    reason: `there is room for ${count(MOST_PICTURES)} pictures`,
  }));
  const keys = taken.map(({ folder }) => (folder === undefined ? to : keyOf(folder)));
  reading.value = { done: 0, of: taken.length };
  let done = 0;
  const tell = (event: ReadEvent): void => {
    reading.value = { done: ++done, of: taken.length };
    if ("id" in event) keep(keys[event.file]!, event.id);
    else skipped.value = [...skipped.value, { name: taken[event.file]!.file.name, reason: event.problem }];
  };
  try {
    await worker().images.read(
      taken.map(({ file }) => file),
      Comlink.proxy(tell),
    );
  } finally {
    reading.value = undefined;
  }
}

/** Stops reading; what has been read stays. */
export function stopReading(): void {
  void worker().images.stopReading();
}

/** Adds a frame of the webcam to a class. */
export async function addFrame(key: number, frame: ImageBitmap): Promise<void> {
  keep(key, await worker().images.addFrame(Comlink.transfer(frame, [frame])));
}

/** The class of this name, which is made of an empty one or is new. */
function keyOf(name: string): number {
  const known = classes.value.find((of) => of.name === name);
  if (known) return known.key;
  const { key } =
    classes.value.find((of) => of.pictures.length === 0 && /^Class \d+$/.test(of.name)) ?? addClass();
  rename(key, name);
  return key;
}

/** Keeps a picture in a class, in the order of numbers, unless the class has been removed meanwhile. */
function keep(key: number, id: number): void {
  if (!classes.value.some((of) => of.key === key)) void worker().images.remove([id]);
  change(key, (of) => ({ ...of, pictures: [...of.pictures, id].sort((a, b) => a - b) }));
}

function change(key: number, to: (of: OwnClass) => OwnClass): void {
  classes.value = classes.value.map((of) => (of.key === key ? to(of) : of));
}
