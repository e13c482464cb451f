/**
 * Checkpoints: one safetensors file with the weights and running statistics, under PyTorch's names and in its layouts,
 * and the optimizer's moments as `optimizer.<moment>.<parameter>`. The metadata hold the step, the seed (random numbers
 * depend on these two alone), the epoch, the optimizer, and whatever the caller adds.
 */
import { WeightsError } from "../base/errors.ts";
import { number, object, optional, parseJson, size } from "../base/schema.ts";
import type { Variable } from "../graph/graph.ts";
import type { Variables } from "../run/variables.ts";
import { checkFinite } from "../weights/finite.ts";
import { fromFile } from "../weights/layout.ts";
import { matchTensors, misfit, readTensors } from "../weights/load.ts";
import { decodeSafetensors, encodeSafetensors, float32Values } from "../weights/safetensors.ts";
import type { Plateau, Watched } from "./watch.ts";

/** How far a run has come. */
export interface Progress {
  /** Optimizer steps and whole epochs done. */
  readonly step: number;
  readonly epoch: number;
  /** Examples that the current epoch has trained on, of a data set of this length. */
  readonly examples: number;
  readonly length: number;
  /** What early stopping and the plateau of `fit` have seen of a run that has not ended. */
  readonly stopping?: Watched;
  readonly plateau?: Plateau;
}

/** How far a run has come, and what it was made with. */
export interface Position extends Progress {
  readonly seed: number;
  readonly optimizer: string;
}

/**
 * Encodes variables, under their names, with the position and the caller's own metadata. Rejects with a NonFiniteError
 * if a value is NaN or infinite.
 */
export async function saveCheckpoint(
  variables: Pick<Variables, "read">,
  list: readonly Variable[],
  position: Position,
  metadata: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { stopping, plateau, ...numbers } = position;
  const fields = Object.entries(numbers).map(([name, value]) => [name, String(value)]);
  if (stopping || plateau) fields.push(["watches", JSON.stringify({ stopping, plateau })]);
  const tensors = await readTensors(variables, list);
  checkFinite("checkpoint", tensors);
  return encodeSafetensors(tensors, { ...metadata, format: "webgraft", ...Object.fromEntries(fields) });
}

/**
 * Loads a checkpoint into the variables of `list`; changes none if the file does not fit. Throws WeightsError, which
 * names `source` and every tensor that is missing, unknown or has the wrong shape.
 */
export function loadCheckpoint(
  variables: Variables,
  list: readonly Variable[],
  expected: Pick<Position, "optimizer" | "seed">,
  file: Uint8Array,
  source: string,
): Progress {
  const { tensors, metadata } = decodeSafetensors(file, source);
  const position = readPosition(metadata, source);
  const { optimizer, seed, ...progress } = position;
  if (optimizer !== expected.optimizer) {
    throw new WeightsError(
      `${source}: was made with ${optimizer}, this trainer uses ${expected.optimizer} — use the same one`,
    );
  }
  if (seed !== expected.seed) {
    throw new WeightsError(
      `${source}: was made with seed ${seed}, this trainer has ${expected.seed} — give it the same seed`,
    );
  }
  const known = new Set(list.map(({ name }) => name));
  const unexpected = [...tensors.keys()].filter((name) => !known.has(name));
  const match = matchTensors(list, tensors, (name) => name, unexpected);
  if (match.problems.length > 0) throw misfit(source, match);
  const values = match.pairs.map(({ from }) => float32Values(`${source}: ${from}`, tensors.get(from)!));
  for (const [i, { variable }] of match.pairs.entries()) {
    variables.write(variable.tensor, fromFile(variable, values[i]!));
  }
  return progress;
}

/** The metadata of a checkpoint, the caller's own included. Throws WeightsError if the file is not a checkpoint. */
export function readCheckpointMetadata(file: Uint8Array, source: string): Readonly<Record<string, string>> {
  const { metadata } = decodeSafetensors(file, source);
  readPosition(metadata, source);
  return metadata;
}

function readPosition(metadata: Readonly<Record<string, string>>, source: string): Position {
  // Files of earlier versions say nothing of the current epoch's examples; it begins anew.
  const fields = { examples: "0", length: "0", ...metadata };
  const count = (text: string | undefined): number => {
    const value = Number(text ?? "none");
    if (metadata.format !== "webgraft" || !Number.isSafeInteger(value) || value < 0) {
      throw new WeightsError(
        `${source}: is not a checkpoint of this library (no step, epoch and seed in its metadata)`,
      );
    }
    return value;
  };
  return {
    step: count(metadata.step),
    epoch: count(metadata.epoch),
    examples: count(fields.examples),
    length: count(fields.length),
    seed: count(metadata.seed),
    optimizer: metadata.optimizer ?? "",
    ...(metadata.watches && readWatches(metadata.watches, source)),
  };
}

const watched = { best: number, since: size };
const watchesSchema = object({
  stopping: optional(object(watched)),
  plateau: optional(object({ ...watched, factor: number })),
});

function readWatches(text: string, source: string): Pick<Progress, "stopping" | "plateau"> {
  const { stopping, plateau } = parseJson(watchesSchema, text, `${source}: watches`, WeightsError);
  return { ...(stopping && { stopping }), ...(plateau && { plateau }) };
}
