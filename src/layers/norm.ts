import type { Initializer } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { batchNormOp } from "../ops/norm/batch-norm.ts";
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
