/** What a study runs: plans are lists of settings, and a run of one becomes a line of JSON. */
import type { DatasetName, ShortcutsName } from "webgraft";
import { DataError } from "../../src/base/errors.ts";

/** All that decides how a run comes out, but for the machine and the code. */
export interface Setting {
  readonly dataset: DatasetName;
  /** Training images, from the first on. */
  readonly images: number;
  /** Test images, from the first on. */
  readonly testImages: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Of AdamW, at the height of one cycle. */
  readonly learningRate: number;
  readonly widths: readonly [number, number, number];
  readonly batchNorm: boolean;
  readonly depth: number;
  readonly shortcuts: ShortcutsName;
  /** Of initial weights and order of images. */
  readonly seed: number;
}

/** What a page reports of a run. */
export interface Outcome {
  readonly adapter: string;
  /** Share of the test images classified correctly. */
  readonly accuracy: number;
  readonly testLoss: number;
  readonly parameters: number;
  readonly steps: number;
  /** Training losses: of the first step, the highest, and the mean of the last epoch. */
  readonly loss: { readonly first: number; readonly highest: number; readonly lastEpoch: number };
  /** Norms of the loss's gradient for the weights of the first and the last convolution, before the first update. */
  readonly gradient: { readonly first: number; readonly last: number };
  readonly seconds: number;
}

/** Where a run took place. */
export interface Place {
  readonly machine: string;
  readonly browser: string;
  /** Of the repository; with `+changes` if the code differed from it. */
  readonly commit: string;
  readonly version: string;
}

/** A line of the record. */
export interface Run extends Outcome, Place {
  readonly setting: Setting;
  /** When it ended, ISO 8601. */
  readonly date: string;
}

export const DEPTHS = [8, 14, 26, 50];
export const SHORTCUTS = ["none", "alternate", "all"] as const satisfies readonly ShortcutsName[];
export const SEEDS = [1, 2, 3, 4, 5];

const race: Omit<Setting, "depth" | "shortcuts" | "seed"> = {
  dataset: "mnist",
  images: 1_000,
  testImages: 2_000,
  epochs: 4,
  batchSize: 32,
  learningRate: 3e-3,
  widths: [8, 16, 32],
  batchNorm: true,
};

/** The settings of each plan, in the order of running: seed by seed, so that a study that is cut short is balanced. */
export const plans = {
  race: SEEDS.flatMap((seed) =>
    DEPTHS.flatMap((depth) => SHORTCUTS.map((shortcuts): Setting => ({ ...race, depth, shortcuts, seed }))),
  ),
};

export type PlanName = keyof typeof plans;

/** A part of a plan: every `of`-th of its settings, from the `part`-th on. */
export interface Part {
  readonly part: number;
  readonly of: number;
}

const sorted = (setting: Setting): string => JSON.stringify(Object.entries(setting).sort());

/** The settings of a part that have not been run, in order. */
export function remaining(
  settings: readonly Setting[],
  { part, of }: Part,
  runs: readonly Pick<Run, "setting">[],
): Setting[] {
  const done = new Set(runs.map(({ setting }) => sorted(setting)));
  return settings.filter((setting, i) => i % of === part - 1 && !done.has(sorted(setting)));
}

/** The runs of a record; `source` is its name for errors. */
export function parseRuns(text: string, source: string): Run[] {
  return text.split("\n").flatMap((line, i) => {
    if (line === "") return [];
    try {
      return [JSON.parse(line) as Run];
    } catch (error) {
      throw new DataError(`study: line ${i + 1} of ${source} is not JSON — remove it, and it is run again`, {
        cause: error,
      });
    }
  });
}
