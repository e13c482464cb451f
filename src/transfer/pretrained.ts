import { WeightsError } from "../base/errors.ts";
import type { Model } from "../models/model.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import type { WeightsFile } from "../weights/file.ts";
import {
  loadWeights,
  matchWeights,
  type WeightsMatch,
  type WeightsReport,
  type WeightsTarget,
} from "../weights/load.ts";
import { matchNames } from "../weights/names.ts";
import type { ReadOptions } from "../weights/ranges.ts";
import type { OpenOptions } from "../weights/source.ts";
import { type Difference, differences, otherEps, otherPreprocessing } from "./conventions.ts";
import { misfitsOf } from "./misfits.ts";
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
  /**
   * The layers that compute something else in the model than in the file, if the file holds its network; or whose eps is
   * not that of timm's MobileNets, if the file has their names.
   */
  readonly differences: readonly Difference[];
}

/** How a file is fetched, and whether it must be the model's. */
export interface LoadPretrainedOptions extends OpenOptions, ReadOptions {
  /**
   * Whether the file must have all weights of the part of the model that it is for, and no others between them; heads are
   * excepted. Default true; if false, what fits is loaded, and the rest is reported.
   */
  readonly strict?: boolean;
}

/** Throws WeightsError for a file of which something fits, but only by half, unless `strict` is false. */
export function checkFit(
  { name }: Pick<WeightsFile, "name">,
  model: Model,
  match: WeightsMatch,
  { strict = true }: LoadPretrainedOptions,
  prefix = "",
): void {
  const misfits = strict && match.pairs.length > 0 && misfitsOf(model, match, prefix);
  if (!misfits) return;
  const part = prefix === "" ? model.name : `${prefix}* of ${model.name}`;
  throw new WeightsError(
    `${name} fits ${part} only by half: ${misfits} — take the model that it is of, which importOnnx reads with its ` +
      "weights if it is exported as ONNX, or only what fits (strict: false; --partial-weights)",
  );
}

/**
 * Loads weights into the part of a model that they are for: one of its backbones, or all of it. The kind of file is
 * told by its content; weights of ONNX and Keras models go by torchvision's names (`importOnnx`, `importKeras`). A
 * first convolution is adapted between colour and grey images (`adapt` of `loadWeights`). A head that does not fit is
 * skipped and reported, and so are the file's later stages. Also reported is what an ONNX or Keras model computes
 * differently, such as the strides of Keras' ResNet-50, and other preprocessing. Throws WeightsError, and changes nothing,
 * if nothing fits and, unless `strict` is false, if the file fits only by half, such as another variant's.
 */
export async function loadPretrained(
  target: WeightsTarget & { readonly model: Model },
  source: PretrainedSource,
  options: LoadPretrainedOptions = {},
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
  const loading = { ...options, strict: false, adapt: true, prefix };
  const match = matchWeights(weights, file, loading);
  checkFit(file, model, match, options, prefix);
  const report = await loadWeights(target, file, loading);
  const preprocessing = theirs && otherPreprocessing(model, theirs);
  return {
    ...{ prefix, ...report, unfolded: unfolded.filter((name) => name.startsWith(prefix)) },
    differences: theirs ? differences(model, prefix, theirs) : otherEps(model, prefix, match.names),
    ...(preprocessing && { preprocessing }),
  };
}
