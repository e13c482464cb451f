import type { Model } from "../models/model.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import { loadWeights, type WeightsReport, type WeightsTarget } from "../weights/load.ts";
import { matchNames } from "../weights/names.ts";
import type { ReadOptions } from "../weights/ranges.ts";
import type { OpenOptions } from "../weights/source.ts";
import { type Difference, differences, otherPreprocessing } from "./conventions.ts";
import { openPretrained, type PretrainedSource, partsOf } from "./open-pretrained.ts";

/** What was loaded, and what means something else in the model than in the file. */
export interface BackboneReport extends WeightsReport {
  /**
   * Batch norms that the file has folded into the convolutions before them. They only add the bias that the folding
   * left, and agree with the file as long as they use their running statistics, but not with batch statistics: before they
   * train, `restoreNorms` gives them statistics.
   */
  readonly unfolded: readonly string[];
  /** The preprocessing that the file's network expects, if the file says so and the model's differs. */
  readonly preprocessing?: Preprocessing;
}

/** The same for a part of the model: the weights whose names begin with `prefix`. */
export interface PretrainedReport extends BackboneReport {
  readonly prefix: string;
  /** The layers that compute something else in the model than in the file, if the file holds its network. */
  readonly differences: readonly Difference[];
}

/**
 * Loads weights into the part of a model that they are for: one of its backbones, or all of it. The kind of file is
 * told by its content; weights of ONNX and Keras models go by torchvision's names (`importOnnx`, `importKeras`). A
 * first convolution is adapted between colour and grey images (`adapt` of `loadWeights`). What does not fit, such as
 * the layers of another head, is skipped and reported. Also reported is what an ONNX or Keras model computes
 * differently, such as the strides of Keras' ResNet-50, and other preprocessing. Throws WeightsError if nothing fits.
 */
export async function loadPretrained(
  target: WeightsTarget & { readonly model: Model },
  source: PretrainedSource,
  options: OpenOptions & ReadOptions = {},
): Promise<PretrainedReport> {
  const { model, weights } = target;
  const { file, unfolded, model: theirs } = await openPretrained(source, model, options);
  const fileNames = [...file.tensors.keys()];
  const fitting = (prefix: string): number => {
    const names = weights.map(({ name }) => name).filter((name) => name.startsWith(prefix));
    return matchNames(fileNames, new Set(names.map((name) => name.slice(prefix.length)))).names.size;
  };
  let best = { prefix: "", count: -1 };
  for (const prefix of partsOf(model)) {
    const count = fitting(prefix);
    if (count > best.count) best = { prefix, count };
  }
  const { prefix } = best;
  const report = await loadWeights(target, file, { ...options, strict: false, adapt: true, prefix });
  const preprocessing = theirs && otherPreprocessing(model, theirs);
  return {
    ...{ prefix, ...report, unfolded: unfolded.filter((name) => name.startsWith(prefix)) },
    differences: theirs ? differences(model, prefix, theirs) : [],
    ...(preprocessing && { preprocessing }),
  };
}
