/** What a job adds to the metadata of its checkpoints: settings and history, as JSON. */
import { WeightsError } from "../base/errors.ts";
import { anything, count, list, number, object, parseJson, type Schema } from "../base/schema.ts";
import { readCheckpointMetadata } from "../train/checkpoint.ts";
import type { JobHistory } from "./protocol.ts";
import { checkSettings, type JobSettings } from "./settings.ts";

export function metadataOf(settings: JobSettings, history: JobHistory): Record<string, string> {
  return { settings: JSON.stringify(settings), history: JSON.stringify(history) };
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

const historySchema: Schema<JobHistory> = object({
  steps: list(object({ step: count, loss: number, accuracy: number, milliseconds: number })),
  epochs: list(object({ epoch: count, testLoss: number, testAccuracy: number })),
});

/** The history in a checkpoint. Throws WeightsError, naming `source`, for a file that is not from a job. */
export const historyOf = (checkpoint: Uint8Array, source: string): JobHistory =>
  parse(checkpoint, "history", historySchema, source);

function parse<T>(checkpoint: Uint8Array, key: string, schema: Schema<T>, source: string): T {
  const text = readCheckpointMetadata(checkpoint, source)[key];
  if (text === undefined) {
    throw new WeightsError(`${source}: has no ${key} in its metadata — give a checkpoint of a training job`);
  }
  return parseJson(schema, text, `${source}: the ${key} in its metadata`, WeightsError);
}
