import type { Model } from "../models/model.ts";
import type { WeightsFile } from "../weights/file.ts";
import { loadWeights, openWeights, type WeightsReport, type WeightsTarget } from "../weights/load.ts";
import { matchNames } from "../weights/names.ts";
import type { ReadOptions } from "../weights/ranges.ts";
import type { OpenOptions, WeightsSource } from "../weights/source.ts";
import type { NamedWeights } from "../weights/tensors.ts";

/** What was loaded, and into which part of the model: all weights whose names begin with `prefix`. */
export interface PretrainedReport extends WeightsReport {
  readonly prefix: string;
}

/**
 * Loads a file of weights into the part of a model that it is for: one of its backbones, or all of it. What does not
 * fit, such as the layers of another head, is left as it is and reported. Throws WeightsError where nothing fits.
 */
export async function loadPretrained(
  target: WeightsTarget & { readonly model: Model },
  source: WeightsSource | WeightsFile | NamedWeights,
  options: OpenOptions & ReadOptions = {},
): Promise<PretrainedReport> {
  const file = await openWeights(source, options);
  const fileNames = [...file.tensors.keys()];
  const fitting = (prefix: string): number => {
    const names = target.weights.map(({ name }) => name).filter((name) => name.startsWith(prefix));
    return matchNames(fileNames, new Set(names.map((name) => name.slice(prefix.length)))).names.size;
  };
  let best = { prefix: "", count: -1 };
  for (const prefix of new Set(["", ...Object.keys(target.model.backbones ?? {})])) {
    const count = fitting(prefix);
    if (count > best.count) best = { prefix, count };
  }
  const { prefix } = best;
  return { prefix, ...(await loadWeights(target, file, { ...options, strict: false, prefix })) };
}
