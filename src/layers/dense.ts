import { ShapeError } from "../base/errors.ts";
import type { Initializer } from "../graph/graph.ts";
import { isNode } from "../graph/op.ts";
import { describe, nhwc, type Tensor } from "../graph/tensor.ts";
import { denseOp } from "../ops/conv/dense.ts";
import { activationOp } from "../ops/elementwise/activation.ts";
import { dropoutOp } from "../ops/elementwise/dropout.ts";
import { flattenOp } from "../ops/layout/flatten.ts";
import { type ActivationLike, activation } from "./activation.ts";
import { torchBias, torchWeight } from "./init.ts";

/** What `dense` computes: K = `outFeatures`. */
export interface DenseOptions {
  readonly outFeatures: number;
  /** Default true. */
  readonly bias?: boolean;
  /** Default none. */
  readonly activation?: ActivationLike;
  /** Initial weight; default torch's. */
  readonly init?: Initializer;
  /** Initial bias; default torch's. */
  readonly biasInit?: Initializer;
}

/** x (N, C) times `name.weight` (C, K), plus `name.bias` (K): y (N, K). Throws ShapeError for another rank. */
export function dense(x: Tensor, name: string, options: DenseOptions): Tensor {
  const { outFeatures: K, bias: hasBias = true, init = torchWeight() } = options;
  const { graph } = x;
  if (x.shape.length !== 2) {
    throw new ShapeError(`dense ${name}`, "expects an (N, C) tensor; flatten it first", describe(x));
  }
  const C = x.shape[1]!;
  const weight = graph.parameter(`${name}.weight`, [C, K], init, true, flattenedMap(x));
  const bias = hasBias
    ? graph.parameter(`${name}.bias`, [K], options.biasInit ?? torchBias(C), false)
    : undefined;
  const { y } = graph.apply(denseOp, name, { x, weight, bias }, {});
  return activation(y, options.activation ?? "identity", name);
}

/**
 * (H, W, C) of the map that was flattened to x, perhaps with activations or dropout since: torch flattens in
 * (C, H, W) order, so the rows of such a weight are permuted in files.
 */
function flattenedMap(x: Tensor): [number, number, number] | undefined {
  const node = x.graph.nodes.find(({ outputs }) => outputs.y === x);
  if (!node) return undefined;
  if (isNode(node, flattenOp)) return nhwc(node.op.name, node.inputs.x).slice(1) as [number, number, number];
  return isNode(node, activationOp) || isNode(node, dropoutOp) ? flattenedMap(node.inputs.x) : undefined;
}
