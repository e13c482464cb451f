/** What a job adds to the metadata of its checkpoints: settings, history and a rate set on the way, as JSON. */
import { WeightsError } from "../base/errors.ts";
import {
  anything,
  count,
  list,
  number,
  object,
  optional,
  parseJson,
  type Schema,
  size,
  value,
} from "../base/schema.ts";
import { readCheckpointMetadata } from "../train/checkpoint.ts";
import type { JobHistory } from "./protocol.ts";
import { checkSettings, type JobSettings } from "./settings.ts";

export function metadataOf(
  settings: JobSettings,
  history: JobHistory,
  learningRate?: number,
): Record<string, string> {
  return {
    settings: JSON.stringify(settings),
    history: JSON.stringify(history),
    ...(learningRate !== undefined && { learningRate: JSON.stringify(learningRate) }),
  };
}

/** The settings in a checkpoint. Throws WeightsError, naming `source`, for a file that is not from a job. */
export function settingsOf(checkpoint: Uint8Array, source: string): JobSettings {
  const settings = parse(checkpoint, "settings", anything, source);
  try {
    return checkSettings(settings);
  } catch (error) {
    throw new WeightsError(`${source}: ${(error as Error).message}`, { cause: error });
  }
}

const learningRateSchema = value<number>(
  "a finite number, not negative",
  (value) => Number.isFinite(value) && Number(value) >= 0,
);

const historySchema = object({
  steps: list(object({ step: count, loss: number, accuracy: number, milliseconds: number })),
  epochs: list(object({ epoch: count, testLoss: number, testAccuracy: number })),
  samples: optional(list(object({ step: count, loss: number, accuracy: number }))),
  confusion: optional(list(list(size))),
});

/** The history in a checkpoint. Throws WeightsError, naming `source`, for a file that is not from a job. */
export function historyOf(checkpoint: Uint8Array, source: string): JobHistory {
  // Files of earlier versions have no samples.
  return { samples: [], ...parse(checkpoint, "history", historySchema, source) };
}

/** The learning rate that was set on the way. Throws WeightsError, naming `source`, if it is none. */
export function learningRateOf(checkpoint: Uint8Array, source: string): number | undefined {
  if (readCheckpointMetadata(checkpoint, source).learningRate === undefined) return undefined;
  return parse(checkpoint, "learningRate", learningRateSchema, source);
}

function parse<T>(checkpoint: Uint8Array, key: string, schema: Schema<T>, source: string): T {
  const text = readCheckpointMetadata(checkpoint, source)[key];
  if (text === undefined) {
    throw new WeightsError(`${source}: has no ${key} in its metadata — give a checkpoint of a training job`);
  }
  return parseJson(schema, text, `${source}: the ${key} in its metadata`, WeightsError);
}
