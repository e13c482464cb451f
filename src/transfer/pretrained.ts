import type { Model } from "../models/model.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import { loadWeights, type WeightsReport, type WeightsTarget } from "../weights/load.ts";
import { matchNames } from "../weights/names.ts";
import type { ReadOptions } from "../weights/ranges.ts";
import type { OpenOptions } from "../weights/source.ts";
import { type Difference, differences, otherPreprocessing } from "./conventions.ts";
import { openPretrained, type PretrainedSource, partsOf } from "./open-pretrained.ts";

/** What was loaded, and what of it means something else than in the file that it is from. */
export interface BackboneReport extends WeightsReport {
  /**
   * Batch norms that the file has folded into the convolutions before them. They only add what the folding has left,
   * and give what the file gives as long as they use their running statistics; batch statistics undo it.
   */
  readonly unfolded: readonly string[];
  /** What the file's network expects of images, where it says so and the model says otherwise. */
  readonly preprocessing?: Preprocessing;
}

/** Also into which part of the model: all weights whose names begin with `prefix`. */
export interface PretrainedReport extends BackboneReport {
  readonly prefix: string;
  /** Of a file that says what it computes, the layers that compute something else in the model. */
  readonly differences: readonly Difference[];
}

/**
 * Loads weights into the part of a model that they are for: one of its backbones, or all of it. What a file is shows
 * in its content; of ONNX and Keras models the weights count by torchvision's names (`importOnnx`, `importKeras`). A
 * first convolution of colour images is adapted to grey ones and back (`adapt` of `loadWeights`). What does not fit,
 * such as the layers of another head, is left as it is and reported, and so is what ONNX and Keras models
 * compute otherwise, such as the strides of Keras' ResNet-50, and images that they want otherwise. Throws WeightsError where nothing fits.
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
