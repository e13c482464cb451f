/** What Inspect looks at, and what the worker told of it. */
import { computed, signal } from "@preact/signals";
import type { Activations, Confusion, Layer } from "webgraft";
import { record, worker } from "../app/studio.ts";
import { pixels as drawn } from "../race/pad.tsx";
import type { DeviceAbout, LaneAbout } from "../worker/inspector.ts";

/** Index of the lane. */
export const lane = signal(0);

/** The lane's drawing; undefined before a race. */
export const laneModel = computed(() => record.value?.lanes[lane.value]);

/** Seeds that have begun, and samples of the last one: they change seldom, where `record` does with each frame. */
export const seeds = computed(() => record.value?.seeds.length);
export const samples = computed(() => record.value?.seeds.at(-1)?.samples.length);

export const about = signal<LaneAbout | undefined>(undefined);
export const device = signal<DeviceAbout | undefined>(undefined);

/** The part of the network that is looked at, as the beginning of labels: `layer1.0`; empty is all of it. */
export const path = signal<readonly string[]>([]);

/** The layer that is looked at, if the path leads to one. */
export const layer = computed<Layer | undefined>(() =>
  about.value?.layers.find(({ label }) => label === path.value.join(".")),
);

export interface Picture {
  readonly name: string;
  readonly pixels: Uint8Array;
}

const tests = signal<readonly Picture[]>([]);

/** To choose from: test images, and what is on the pad. */
export const pictures = computed<readonly Picture[]>(() => [
  ...(drawn.value ? [{ name: "what is on the pad", pixels: drawn.value }] : []),
  ...tests.value,
]);

/** The name of the picture that was chosen. */
export const chosen = signal<string | undefined>(undefined);

/** The one whose maps are shown: the one that was chosen, or the first test image. */
export const picture = computed(
  () => pictures.value.find(({ name }) => name === chosen.value) ?? tests.value[0],
);

/** Names of the classes. */
export const classes = computed(() => record.value?.classes ?? []);

/** Of `layer`, for `picture`. */
export const maps = signal<Activations | undefined>(undefined);
export const filters = signal<Activations | undefined>(undefined);

export const confusion = signal<Confusion | undefined>(undefined);

/** Milliseconds of each launch, or why there are none. */
export const times = signal<readonly number[] | string | undefined>(undefined);

/** Which of the things asked for on demand are under way. */
export const asking = signal<"confusion" | "times" | undefined>(undefined);

/** How many test images there are to choose from. */
const PICTURES = 12;

/** Asks for what changes with the race or the lane. */
export async function look(): Promise<void> {
  const { inspect } = worker();
  const [found, gpu, images] = await Promise.all([
    inspect.about(lane.value),
    inspect.device(),
    inspect.images(PICTURES),
  ]);
  about.value = found;
  device.value = gpu;
  confusion.value = undefined;
  times.value = undefined;
  if (!images) return;
  const size = images.images.length / images.labels.length;
  tests.value = Array.from(images.labels, (label, i) => ({
    name: `test image ${i + 1}: ${classes.peek()[label]}`,
    pixels: Uint8Array.from(images.images.subarray(i * size, (i + 1) * size)),
  }));
}

let looking = false;

/** Asks for maps and filters of the layer; while an answer is awaited, another question is left out. */
export async function lookAtLayer(): Promise<void> {
  const { value: at } = layer;
  const { value: image } = picture;
  if (!at || !image || looking) return;
  looking = true;
  try {
    const { inspect } = worker();
    const [seen, weights] = await Promise.all([
      inspect.activations(lane.value, [at.label], image.pixels),
      at.operations.includes("conv2d") ? inspect.filters(lane.value, at.label) : undefined,
    ]);
    if (layer.value?.label !== at.label) return;
    maps.value = seen?.[at.label];
    filters.value = weights;
  } catch (error) {
    // A seed has ended, and the next one's lanes are not there yet.
    console.debug(error);
  } finally {
    looking = false;
  }
}

export async function askConfusion(): Promise<void> {
  asking.value = "confusion";
  try {
    confusion.value = await worker().inspect.confusion(lane.value);
  } finally {
    asking.value = undefined;
  }
}

export async function askTimes(): Promise<void> {
  asking.value = "times";
  try {
    const found = await worker().inspect.times(lane.value);
    times.value = found?.map(({ milliseconds }) => milliseconds);
  } catch (error) {
    times.value = (error as Error).message;
  } finally {
    asking.value = undefined;
  }
}
