import type { Initializer } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { batchNormOp } from "../ops/norm/batch-norm.ts";
import { groupNormOp, layerNormOp } from "../ops/norm/group-norm.ts";
import { type ActivationLike, activation } from "./activation.ts";
import { ones, zeros } from "./init.ts";
import { add } from "./merge.ts";

/** Numbers of a `batchNorm`, and what follows it. */
export interface BatchNormOptions {
  /** Default 1e-5. */
  readonly eps?: number;
  /** Share of the batch in the running statistics, as in torch (Keras has 1 minus that). Default 0.1. */
  readonly momentum?: number;
  /** Applied after the residual is added. Default none. */
  readonly activation?: ActivationLike;
  /** Added to the normalised tensor; has x's shape. */
  readonly residual?: Tensor;
  /** Initial weight; default 1. With zeros a residual branch starts as nothing. */
  readonly init?: Initializer;
}

/**
 * Batch normalisation of x (…, C) with `name.weight`, `name.bias`, `name.running_mean` and `name.running_var` (C). A
 * frozen weight freezes the layer: it then normalises by its running statistics and keeps them, even while the rest
 * trains.
 */
export function batchNorm(x: Tensor, name: string, options: BatchNormOptions = {}): Tensor {
  const { eps = 1e-5, momentum = 0.1, residual, init = ones } = options;
  const { graph } = x;
  const shape = [x.shape.at(-1)!];
  const inputs = {
    x,
    weight: graph.parameter(`${name}.weight`, shape, init, false),
    bias: graph.parameter(`${name}.bias`, shape, zeros, false),
    runningMean: graph.state(`${name}.running_mean`, shape, zeros),
    runningVar: graph.state(`${name}.running_var`, shape, ones),
  };
  const training = graph.isFrozen(`${name}.weight`) ? "frozen" : "train";
  const mode = graph.mode === "eval" ? "eval" : training;
  const { y } = graph.apply(batchNormOp, name, inputs, { mode, eps, momentum });
  const sum = residual ? add(y, residual, "identity", name) : y;
  return activation(sum, options.activation ?? "identity", name);
}

/** Numbers of a `groupNorm`. */
export interface GroupNormOptions {
  /** Into how many groups the channels are divided; with 1 each image has one mean and one variance. */
  readonly numGroups: number;
  /** Default 1e-5. */
  readonly eps?: number;
}

/**
 * Group normalisation of x (N, …, C), as torch.nn.GroupNorm, with `name.weight` and `name.bias` (C): the same in training and
 * afterwards, whatever the batch. Throws ShapeError if groups do not divide the channels. Wu and He 2018.
 */
export function groupNorm(x: Tensor, name: string, { numGroups, eps = 1e-5 }: GroupNormOptions): Tensor {
  return x.graph.apply(groupNormOp, name, { x, ...affine(x, name) }, { groups: numGroups, eps }).y;
}

/** The number of a `layerNorm`. */
export interface LayerNormOptions {
  /** Default 1e-5. */
  readonly eps?: number;
}

/**
 * Normalisation of the channels of each pixel of x (…, C), as ConvNeXt's LayerNorm2d and torch.nn.LayerNorm of C, with
 * `name.weight` and `name.bias` (C). Ba et al. 2016.
 */
export function layerNorm(x: Tensor, name: string, { eps = 1e-5 }: LayerNormOptions = {}): Tensor {
  return x.graph.apply(layerNormOp, name, { x, ...affine(x, name) }, { eps }).y;
}

function affine({ graph, shape }: Tensor, name: string) {
  const C = [shape.at(-1)!];
  return {
    weight: graph.parameter(`${name}.weight`, C, ones, false),
    bias: graph.parameter(`${name}.bias`, C, zeros, false),
  };
}
