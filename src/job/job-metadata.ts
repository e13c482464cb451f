/** What a job adds to the metadata of its checkpoints, as JSON: settings, history, a rate set on the way, kernels. */
import { WeightsError } from "../base/errors.ts";
import {
  anything,
  count,
  list,
  number,
  object,
  optional,
  parseJson,
  record,
  type Schema,
  size,
  string,
  value,
} from "../base/schema.ts";
import { readCheckpointMetadata } from "../train/checkpoint.ts";
import type { Kernels } from "../train/tuning/kernels.ts";
import type { JobHistory } from "./protocol.ts";
import { checkSettings, type JobSettings } from "./settings.ts";

/** The measured kernels of a run, which hold for one device. */
export interface RunKernels {
  /** As of its `Tuning`. */
  readonly device: string;
  readonly kernels: Kernels;
}

export function metadataOf(
  settings: JobSettings,
  history: JobHistory,
  learningRate?: number,
  kernels?: RunKernels,
): Record<string, string> {
  return {
    settings: JSON.stringify(settings),
    history: JSON.stringify(history),
    ...(learningRate !== undefined && { learningRate: JSON.stringify(learningRate) }),
    ...(kernels && { kernels: JSON.stringify(kernels) }),
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

const kernelsSchema: Schema<RunKernels> = object({ device: string, kernels: record(string) });

/**
 * The kernels with which the run goes on bit for bit, if it was on this device; files of earlier versions have none.
 * Throws WeightsError, naming `source`, if they are not as they must be.
 */
export function kernelsOf(checkpoint: Uint8Array, device: string, source: string): Kernels | undefined {
  if (readCheckpointMetadata(checkpoint, source).kernels === undefined) return undefined;
  const { device: of, kernels } = parse(checkpoint, "kernels", kernelsSchema, source);
  return of === device ? kernels : undefined;
}

function parse<T>(checkpoint: Uint8Array, key: string, schema: Schema<T>, source: string): T {
  const text = readCheckpointMetadata(checkpoint, source)[key];
  if (text === undefined) {
    throw new WeightsError(`${source}: has no ${key} in its metadata — give a checkpoint of a training job`);
  }
  return parseJson(schema, text, `${source}: the ${key} in its metadata`, WeightsError);
}
