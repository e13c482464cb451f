import { Graph, type Model, type Tensor, type Variable } from "webgraft";
import { isNode, type OpNode } from "../../../src/graph/op.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { denseOp } from "../../../src/ops/conv/dense.ts";
import { activationOp } from "../../../src/ops/elementwise/activation.ts";
import { addOp } from "../../../src/ops/elementwise/add.ts";
import { dropoutOp } from "../../../src/ops/elementwise/dropout.ts";
import { flattenOp } from "../../../src/ops/layout/flatten.ts";
import { batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { globalAvgPoolOp, maxPool2dOp } from "../../../src/ops/pool/pool.ts";

/** A layer as plain data, from which peers build theirs. `x`, `y`, `other` name values; `weight`, `bias` weights. */
export type Layer = { readonly x: string; readonly y: string } & LayerKind;

type LayerKind =
  | {
      readonly op: "conv2d";
      readonly weight: string;
      readonly bias: string | undefined;
      readonly stride: number;
      readonly padding: number;
    }
  | { readonly op: "batch_norm"; readonly weight: string; readonly bias: string; readonly eps: number }
  | { readonly op: "add"; readonly other: string }
  | { readonly op: "relu" }
  | { readonly op: "max_pool2d"; readonly size: number; readonly stride: number; readonly padding: number }
  | { readonly op: "global_avg_pool" }
  /** In (C, H, W) order, like the weights of the dense layer after it. */
  | { readonly op: "flatten" }
  | { readonly op: "dense"; readonly weight: string; readonly bias: string | undefined };

export interface Network {
  /** In an order in which they can be computed, from the value `images`; the last one makes the logits. */
  readonly layers: readonly Layer[];
  readonly variables: readonly Variable[];
}

/** Describes the layers of a model. Throws for what no case has needed so far. */
export function describeNetwork(model: Model): Network {
  const graph = new Graph({ mode: "train" });
  const names = new Map<Tensor, string>();
  const name = (tensor: Tensor): string => {
    const known = names.get(tensor) ?? `value${names.size}`;
    names.set(tensor, known);
    return known;
  };
  const images = graph.input("images", [2, ...model.inputShape]);
  names.set(images, "images");
  model.build(images);
  const layers: Layer[] = [];
  for (const node of graph.nodes) {
    const { x, a } = node.inputs;
    // Dropout with p = 0, which the cases here have, does nothing.
    if (isNode(node, dropoutOp) && node.attrs.p === 0) {
      names.set(node.outputs.y, name(node.inputs.x));
      continue;
    }
    const kind = isNode(node, addOp) ? ({ op: "add", other: name(node.inputs.b) } as const) : kindOf(node);
    layers.push({ x: name((x ?? a)!), y: name(node.outputs.y!), ...kind });
  }
  return { layers, variables: [...graph.parameters, ...graph.states] };
}

function kindOf(node: OpNode): LayerKind {
  if (isNode(node, conv2dOp)) {
    const { stride, padding, groups } = node.attrs;
    if (groups > 1) throw new Error("bench: no peer has grouped convolutions yet");
    const { weight, bias } = node.inputs;
    return {
      op: "conv2d",
      weight: weight.name,
      bias: bias?.name,
      stride: one(stride),
      padding: one(padding),
    };
  }
  if (isNode(node, batchNormOp)) {
    const { weight, bias } = node.inputs;
    return { op: "batch_norm", weight: weight.name, bias: bias.name, eps: node.attrs.eps };
  }
  if (isNode(node, activationOp)) {
    const { name } = node.attrs;
    if (name !== "relu") throw new Error(`bench: no peer has ${name} yet`);
    return { op: "relu" };
  }
  if (isNode(node, maxPool2dOp)) {
    const { kernel, stride, padding } = node.attrs;
    return { op: "max_pool2d", size: one(kernel), stride: one(stride), padding: one(padding) };
  }
  if (isNode(node, denseOp)) {
    const { weight, bias } = node.inputs;
    return { op: "dense", weight: weight.name, bias: bias?.name };
  }
  if (isNode(node, globalAvgPoolOp)) return { op: "global_avg_pool" };
  if (isNode(node, flattenOp)) return { op: "flatten" };
  throw new Error(`bench: no peer has ${node.op.name} yet`);
}

/** The value that all sides must share. */
function one(sides: readonly number[]): number {
  const [first] = sides;
  if (sides.some((side) => side !== first)) throw new Error("bench: no peer has uneven windows yet");
  return first!;
}
