import { datasetNames } from "../data/load.ts";
import { WebgraftError } from "../errors.ts";
import { topologyNames } from "../models/topologies.ts";
import type { JobSettings, OptimizerName } from "./protocol.ts";

export const optimizerNames: readonly OptimizerName[] = ["sgd", "adam", "adamw"];

/** Peak learning rates that suit the topologies here. */
export const defaultLearningRates: Readonly<Record<OptimizerName, number>> = {
  sgd: 0.03,
  adam: 0.003,
  adamw: 0.003,
};

/** MNIST to more than 97.5 % in minutes, even on a GPU emulated by two CPU cores. */
export const defaultSettings: JobSettings = {
  topology: "interleaved",
  data: "mnist",
  examples: 10_000,
  epochs: 1,
  batch: 16,
  lr: defaultLearningRates.adamw,
  optimizer: "adamw",
  seed: 1,
};

/** Settings from outside, checked. Throws WebgraftError with the first thing that is wrong. */
export function checkSettings(given: unknown): JobSettings {
  const {
    topology,
    data,
    examples,
    epochs,
    batch,
    lr,
    optimizer,
    seed,
    testExamples,
  }: Record<string, unknown> = typeof given === "object" && given !== null ? { ...given } : {};
  const settings: JobSettings = {
    topology: oneOf("topology", topology, topologyNames()),
    data: oneOf("data", data, datasetNames),
    examples: count("examples", examples),
    epochs: count("epochs", epochs),
    batch: count("batch", batch),
    lr: positive("lr", lr),
    optimizer: oneOf("optimizer", optimizer, optimizerNames),
    seed: seedNumber(seed),
    ...(testExamples !== undefined && { testExamples: count("testExamples", testExamples) }),
  };
  if (settings.batch > settings.examples) {
    throw new WebgraftError(
      `settings: a batch is larger than the data — batch ${settings.batch}, examples ${settings.examples}`,
    );
  }
  return settings;
}

function oneOf<T extends string>(name: string, value: unknown, known: readonly T[]): T {
  if (known.includes(value as T)) return value as T;
  throw new WebgraftError(`settings: unknown ${name} ${show(value)} — there are ${known.join(", ")}`);
}

function count(name: string, value: unknown): number {
  if (Number.isSafeInteger(value) && Number(value) > 0) return Number(value);
  throw new WebgraftError(`settings: ${name} must be a positive whole number — got ${show(value)}`);
}

function positive(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new WebgraftError(`settings: ${name} must be a positive number — got ${show(value)}`);
}

/** Seeds go to the GPU as 32 bits. */
function seedNumber(value: unknown): number {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) < 2 ** 32) return Number(value);
  throw new WebgraftError(`settings: seed must be a whole number of 32 bits — got ${show(value)}`);
}

const show = (value: unknown): string => JSON.stringify(value) ?? "nothing";
