/** What `fit` does by how well epochs go. */
import { DataError } from "../base/errors.ts";
import type { EpochInfo } from "./options.ts";

/** By what epochs are compared, and when one is better. */
export interface WatchOptions {
  /** A number of `EpochInfo`, by the name of a metric or its own, such as `testAccuracy`. Default `testLoss`. */
  readonly metric?: string;
  /** Whether less or more of it is better. Default `min` for `testLoss` and `max` for all else. */
  readonly mode?: "min" | "max";
  /** By how much it must be better. Default 0. */
  readonly minDelta?: number;
}

/** Stops training when validation has not become better for `patience` epochs. */
export interface EarlyStopping extends WatchOptions {
  readonly patience: number;
}

/**
 * Multiplies the learning rate by `factor` each time validation has not become better for `patience` epochs. The product
 * lasts: a later `fit` with this option goes on with it.
 */
export interface ReduceOnPlateau extends WatchOptions {
  /** Default 0.1. */
  readonly factor?: number;
  /** Default 10. */
  readonly patience?: number;
  /** The product is no less than this. Default 0. */
  readonly minFactor?: number;
}

/** How far a watch has come: the best number so far, and the epochs since it became better. */
export interface Watched {
  readonly best: number | null;
  readonly since: number;
}

export const UNWATCHED: Watched = { best: null, since: 0 };

/** A watch after another epoch. Throws DataError if the epoch does not tell the number. */
export function watch({ best, since }: Watched, options: WatchOptions, info: Partial<EpochInfo>): Watched {
  const { metric = "testLoss", mode = metric === "testLoss" ? "min" : "max", minDelta = 0 } = options;
  const { metrics = {}, ...own } = info;
  const value = { ...own, ...metrics }[metric];
  if (typeof value !== "number") {
    const numbers = Object.entries({ ...own, ...metrics }).flatMap(([name, v]) =>
      typeof v === "number" ? name : [],
    );
    throw new DataError(`fit: no epoch tells a number ${metric} — watch one of ${numbers.join(", ")}`);
  }
  const better = best === null || (mode === "min" ? value < best - minDelta : value > best + minDelta);
  // What is better by less than minDelta is the best all the same.
  const least = best === null ? value : mode === "min" ? Math.min(best, value) : Math.max(best, value);
  return { best: least, since: better ? 0 : since + 1 };
}

/** The state of a run's plateau: its watch, and what the learning rate is multiplied by. */
export interface Plateau extends Watched {
  readonly factor: number;
}

export function onPlateau(plateau: Plateau, options: ReduceOnPlateau, info: Partial<EpochInfo>): Plateau {
  const { factor = 0.1, patience = 10, minFactor = 0 } = options;
  const watched = watch(plateau, options, info);
  if (watched.since < patience) return { ...watched, factor: plateau.factor };
  return { ...watched, since: 0, factor: Math.max(minFactor, plateau.factor * factor) };
}

/** Throws DataError for options that make no sense, or without a validation to watch. */
export function checkWatches(
  watches: {
    readonly earlyStopping?: EarlyStopping | undefined;
    readonly reduceOnPlateau?: ReduceOnPlateau | undefined;
    readonly keepBest?: WatchOptions | undefined;
  },
  validated: boolean,
): void {
  for (const [name, options] of Object.entries(watches)) {
    if (!options) continue;
    if (!validated) throw new DataError(`fit: ${name} compares validations — give a validation data set`);
    const { patience = 1, factor = 0.1, minFactor = 0 } = options as EarlyStopping & ReduceOnPlateau;
    if (!Number.isInteger(patience) || patience < 1) {
      throw new DataError(`fit: ${name} needs a patience of whole epochs, 1 or more — got ${patience}`);
    }
    if (!(factor > 0 && factor < 1 && minFactor >= 0)) {
      throw new DataError(
        `fit: ${name} needs a factor in (0, 1) and minFactor ≥ 0 — got ${factor}, ${minFactor}`,
      );
    }
  }
}
