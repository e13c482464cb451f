/** What decides a run and what comes of it, a line of JSON; plans.ts has those that a study runs. */
import type { DatasetName, StackedOptions } from "webgraft";

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
  readonly shortcuts: NonNullable<StackedOptions["shortcuts"]>;
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

/** A part of a plan: every `of`-th of its settings, from the `part`-th on. */
export interface Part {
  readonly part: number;
  readonly of: number;
}

/** The same for equal settings, whatever the order of their fields. */
export const keyOf = (setting: Setting): string => JSON.stringify(Object.entries(setting).sort());

/** The settings of a part that have not been run, in order. */
export function remaining(
  settings: readonly Setting[],
  { part, of }: Part,
  runs: readonly Pick<Run, "setting">[],
): Setting[] {
  const done = new Set(runs.map(({ setting }) => keyOf(setting)));
  return settings.filter((setting, i) => i % of === part - 1 && !done.has(keyOf(setting)));
}
