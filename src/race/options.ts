import { DataError } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Gpu } from "../gpu/device.ts";
import type { TrainerOptions } from "../train/options.ts";
import type { RaceSnapshot } from "./events.ts";

/** A trainer of a race, but for what all lanes share. */
export interface LaneOptions extends Omit<TrainerOptions, "gpu" | "batchSize" | "seed"> {
  readonly name: string;
}

/** The lanes of a race, its data, and how long it is. */
export interface RaceOptions {
  readonly gpu: Gpu;
  /** Two or more, with names of their own. */
  readonly lanes: readonly LaneOptions[];
  /** All lanes train on it, batch by batch, in the order that `fit` has with the seed. */
  readonly train: Dataset;
  /** Decides the race: all lanes are evaluated on it at the end of each seed. */
  readonly test: Dataset;
  readonly batchSize: number;
  /** Epochs with each seed. */
  readonly epochs: number;
  /** The race is run with each of them, from new weights. As many as there are, so narrow is the verdict's interval. */
  readonly seeds: readonly number[];
  /** A data set on which all lanes are evaluated after every so many steps. Default none. */
  readonly sample?: { readonly dataset: Dataset; readonly every: number };
  /** Goes on from here; the other options must be those of the race that it was taken from. Default: from the start. */
  readonly snapshot?: RaceSnapshot;
}

const isCount = (value: number): boolean => Number.isInteger(value) && value >= 1;

/** Throws DataError for options that make no race. What a trainer or a loader checks is theirs. */
export function checkRace({ lanes, seeds, epochs, sample }: RaceOptions): void {
  const fail = (reason: string, got: unknown): never => {
    throw new DataError(`Race: ${reason} — got ${got}`);
  };
  const names = lanes.map(({ name }) => name);
  if (names.length < 2) fail("takes two lanes or more", names.length);
  if (new Set(names).size < names.length) fail("lanes must have names of their own", names.join(", "));
  if (seeds.length === 0) fail("takes a seed or more", "none");
  if (new Set(seeds).size < seeds.length) {
    fail("seeds must differ, since the same seed gives the same run", seeds.join(", "));
  }
  if (!isCount(epochs)) fail("epochs must be a positive whole number", epochs);
  if (sample && !isCount(sample.every)) fail("sample.every must be a positive whole number", sample.every);
}

/** Throws DataError for a snapshot of a race with other seeds or lanes. */
export function checkSnapshot(
  { seeds, lanes }: RaceOptions,
  { results, seed, lanes: saved }: RaceSnapshot,
): void {
  const done = results.map((result) => result.seed);
  const sameSeeds = done.every((each, i) => each === seeds[i]);
  // Lanes of a seed that is done are there until the next one begins.
  const expected = [seeds[done.length - 1], seeds[done.length]];
  if (sameSeeds && expected.includes(seed) && (saved.length === 0 || saved.length === lanes.length)) return;
  throw new DataError(
    `Race: the snapshot is of another race — it has ${saved.length} lanes at seed ${seed}, after ` +
      `${done.join(", ") || "none"}; this has ${lanes.length} lanes and seeds ${seeds.join(", ")}`,
  );
}
