import { Graph, type Model, type Tensor, type Variable } from "webgraft";
import type { OpNode } from "../../../src/graph/op.ts";
import type { Conv2dAttrs } from "../../../src/ops/conv/conv2d.ts";
import type { Activation } from "../../../src/ops/elementwise/activation.ts";
import type { BatchNorm } from "../../../src/ops/norm/batch-norm.ts";
import type { Pool2d } from "../../../src/ops/pool/pool.ts";

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
    const { x, a, b } = node.inputs;
    // Dropout with p = 0, which the cases here have, does nothing.
    if (node.op.name === "dropout" && (node.attrs as { p: number }).p === 0) {
      names.set(node.outputs.y!, name(x!));
      continue;
    }
    const kind = b ? ({ op: "add", other: name(b) } as const) : kindOf(node);
    layers.push({ x: name((x ?? a)!), y: name(node.outputs.y!), ...kind });
  }
  return { layers, variables: [...graph.parameters, ...graph.states] };
}

function kindOf({ op, inputs, attrs }: OpNode): LayerKind {
  const weight = inputs.weight?.name ?? "";
  const bias = inputs.bias?.name;
  switch (op.name) {
    case "conv2d": {
      const { stride, padding, groups } = attrs as Conv2dAttrs;
      if (groups > 1) throw new Error("bench: no peer has grouped convolutions yet");
      return { op: "conv2d", weight, bias, stride: one(stride), padding: one(padding) };
    }
    case "batch_norm":
      return { op: "batch_norm", weight, bias: bias!, eps: (attrs as BatchNorm).eps };
    case "activation": {
      const { name } = attrs as Activation;
      if (name !== "relu") throw new Error(`bench: no peer has ${name} yet`);
      return { op: "relu" };
    }
    case "max_pool2d": {
      const { kernel, stride, padding } = attrs as Pool2d;
      return { op: "max_pool2d", size: one(kernel), stride: one(stride), padding: one(padding) };
    }
    case "dense":
      return { op: "dense", weight, bias };
    case "global_avg_pool":
    case "flatten":
      return { op: op.name };
    default:
      throw new Error(`bench: no peer has ${op.name} yet`);
  }
}

/** The value that all sides must share. */
function one(sides: readonly number[]): number {
  const [first] = sides;
  if (sides.some((side) => side !== first)) throw new Error("bench: no peer has uneven windows yet");
  return first!;
}
