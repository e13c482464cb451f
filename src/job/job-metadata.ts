/** What a job adds to the metadata of its checkpoints: settings and history, as JSON. */
import { WeightsError } from "../base/errors.ts";
import { readCheckpointMetadata } from "../train/checkpoint.ts";
import type { EpochRecord, JobHistory, StepRecord } from "./protocol.ts";
import { checkSettings, type JobSettings } from "./settings.ts";

export function metadataOf(settings: JobSettings, history: JobHistory): Record<string, string> {
  return { settings: JSON.stringify(settings), history: JSON.stringify(history) };
}

/** The settings in a checkpoint. Throws WeightsError, naming `source`, for a file that is not from a job. */
export function settingsOf(checkpoint: Uint8Array, source: string): JobSettings {
  const settings = parse(checkpoint, "settings", source);
  try {
    return checkSettings(settings);
  } catch (error) {
    throw new WeightsError(`${source}: ${(error as Error).message}`, { cause: error });
  }
}

/** The history in a checkpoint. Throws WeightsError, naming `source`, for a file that is not from a job. */
export function historyOf(checkpoint: Uint8Array, source: string): JobHistory {
  const { steps, epochs } = Object(parse(checkpoint, "history", source)) as Record<string, unknown>;
  const stepKeys: readonly (keyof StepRecord)[] = ["step", "loss", "accuracy", "milliseconds"];
  const epochKeys: readonly (keyof EpochRecord)[] = ["epoch", "testLoss", "testAccuracy"];
  if (!isTable(steps, stepKeys) || !isTable(epochs, epochKeys)) {
    throw new WeightsError(`${source}: the history in its metadata is malformed`);
  }
  return { steps, epochs };
}

function parse(checkpoint: Uint8Array, key: string, source: string): unknown {
  const text = readCheckpointMetadata(checkpoint, source)[key];
  if (text === undefined) {
    throw new WeightsError(`${source}: has no ${key} in its metadata — give a checkpoint of a training job`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WeightsError(`${source}: the ${key} in its metadata is malformed`, { cause: error });
  }
}

/** Whether a value is a list of objects with a finite number under each of `keys`. */
function isTable<K extends string>(value: unknown, keys: readonly K[]): value is Record<K, number>[] {
  const isRow = (row: unknown): boolean =>
    typeof row === "object" &&
    row !== null &&
    keys.every((key) => Number.isFinite((row as Record<K, unknown>)[key]));
  return Array.isArray(value) && value.every(isRow);
}
