import { expect, it } from "vitest";
import type { EpochInfo } from "../../../src/train/options.ts";
import {
  checkWatches,
  onPlateau,
  type ReduceOnPlateau,
  UNWATCHED,
  type WatchOptions,
  watch,
} from "../../../src/train/watch.ts";

const infoOf = (testLoss: number, top5 = 0): Partial<EpochInfo> => ({
  ...{ epoch: 1, testLoss, testAccuracy: 0.5 },
  metrics: { top5, classes: [] },
});

const epochsSince = (options: WatchOptions, values: readonly (readonly [number, number?])[]): number[] => {
  let watched = UNWATCHED;
  return values.map((value) => {
    watched = watch(watched, options, infoOf(...value));
    return watched.since;
  });
};

it("a watch counts the epochs since the last better one", () => {
  expect(epochsSince({}, [[3], [2], [2], [2.5], [1]])).toEqual([0, 0, 1, 2, 0]);
  expect(epochsSince({ minDelta: 0.5 }, [[3], [2.6], [2.2], [1.6]])).toEqual([0, 1, 2, 0]);
  const top5 = [
    [0, 0.1],
    [0, 0.3],
    [0, 0.2],
    [0, 0.4],
  ] as const;
  expect(epochsSince({ metric: "top5" }, top5)).toEqual([0, 0, 1, 0]);
  expect(epochsSince({ metric: "top5", mode: "min" }, top5)).toEqual([0, 1, 2, 3]);
});

it("a watch says which numbers there are", () => {
  expect(() => watch(UNWATCHED, { metric: "classes" }, infoOf(1))).toThrow(
    "fit: no epoch tells a number classes — watch one of epoch, testLoss, testAccuracy, top5",
  );
});

it("a plateau lowers the rate again and again, but not below its floor", () => {
  const options: ReduceOnPlateau = { factor: 0.5, patience: 2, minFactor: 0.2 };
  let plateau = { ...UNWATCHED, factor: 1 };
  const factors = [5, 5, 5, 5, 5, 4, 4, 4, 4, 4].map((loss) => {
    plateau = onPlateau(plateau, options, infoOf(loss));
    return plateau.factor;
  });
  expect(factors).toEqual([1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2]);
});

it("watches need a validation and options that make sense", () => {
  expect(() => checkWatches({ keepBest: {} }, false)).toThrow("fit: keepBest compares validations");
  expect(() => checkWatches({ earlyStopping: { patience: 0 } }, true)).toThrow("patience of whole epochs");
  expect(() => checkWatches({ reduceOnPlateau: { factor: 1 } }, true)).toThrow("needs a factor in (0, 1)");
  checkWatches({ earlyStopping: { patience: 2 }, reduceOnPlateau: {}, keepBest: {} }, true);
});
