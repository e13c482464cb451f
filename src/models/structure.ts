import type { Graph } from "../graph/graph.ts";
import type { OpNode } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { countNumbers, inspect } from "./model.ts";
import type { AnyNetwork } from "./network.ts";

/** A layer of a model. */
export interface Layer {
  /** Unique in the model. The first part of its parameters' names: `layer1.0.conv1`. */
  readonly label: string;
  /** What it computes, in order, such as `batch_norm`, `add` and `activation`. */
  readonly operations: readonly string[];
  /** The shape of its output without the batch: (H, W, C), or (C). */
  readonly shape: readonly number[];
  /** The layers whose outputs it takes, by label, or inputs such as `images`; several where a shortcut or branches join. */
  readonly inputs: readonly string[];
  /** Names of its parameters: `layer1.0.conv1.weight`. */
  readonly parameters: readonly string[];
  /** How many numbers its parameters hold. */
  readonly parameterCount: number;
  /** How many of them train. */
  readonly trainableCount: number;
}

/**
 * The layers of a model in an order in which they can be computed, to draw or to list it. A convolution or norm and the
 * sum and activation that follow it under its name are one layer. What trains follows the model's frozen patterns and
 * `frozen`. Needs no GPU.
 */
export function layersOf(model: AnyNetwork, frozen?: (name: string) => boolean): readonly Layer[] {
  const graph = inspect(model, frozen);
  const groups = groupNodes(graph);
  const labels = new Map<Tensor, string>();
  for (const [name, tensor] of graph.inputs) labels.set(tensor, name);
  for (const [label, nodes] of groups) for (const node of nodes) labels.set(outputOf(node), label);
  return [...groups].map(([label, nodes]) => {
    const given = nodes.flatMap(({ inputs }) => Object.values(inputs));
    const parameters = graph.parameters.filter(({ tensor }) => given.includes(tensor));
    const sources = new Set(given.flatMap((tensor) => (tensor && labels.get(tensor)) ?? []));
    sources.delete(label);
    return {
      label,
      operations: nodes.map(({ op }) => op.name),
      shape: outputOf(nodes.at(-1)!).shape.slice(1),
      inputs: [...sources],
      parameters: parameters.map(({ name }) => name),
      parameterCount: countNumbers(parameters),
      trainableCount: countNumbers(parameters.filter(({ trainable }) => trainable)),
    };
  });
}

/** What the layers in a graph of nothing but a model make, by the labels of `layersOf`. */
export const layerOutputs = (graph: Graph): ReadonlyMap<string, Tensor> =>
  new Map([...groupNodes(graph)].map(([label, nodes]) => [label, outputOf(nodes.at(-1)!)]));

/** The nodes of each layer: those of one label, each of which takes what the one before it makes. */
function groupNodes({ nodes }: Graph): ReadonlyMap<string, readonly OpNode[]> {
  const layers = new Map<string, OpNode[]>();
  for (const node of nodes) {
    const taken = new Set(Object.values(node.inputs));
    const goesOn = (layer: readonly OpNode[]): boolean => taken.has(outputOf(layer.at(-1)!));
    let { label } = node;
    // Layers named after what they take have the same label where they take the same.
    for (let n = 2; layers.has(label) && !goesOn(layers.get(label)!); n++) label = `${node.label} (${n})`;
    const layer = [...(layers.get(label) ?? []), node];
    layers.delete(label); // It stands where its last node does, after all that it takes.
    layers.set(label, layer);
  }
  return layers;
}

/** Every op of a model makes one tensor for others to take. */
const outputOf = ({ outputs }: OpNode): Tensor => outputs.y!;
