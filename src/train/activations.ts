/** What the layers of a model make of images. */
import { ShapeError } from "../base/errors.ts";
import type { Dataset } from "../data/dataset.ts";
import { Graph } from "../graph/graph.ts";
import { lowerForward } from "../graph/lower.ts";
import { frozenIn } from "../models/model.ts";
import { layerOutputs } from "../models/structure.ts";
import { openSession, type Session } from "../run/session.ts";
import type { Variables } from "../run/variables.ts";
import type { PlanOptions } from "./compile.ts";
import { runDataset } from "./run-dataset.ts";
import { graphOptionsWith } from "./tuning/kernels.ts";

/** The output of a layer for each of N images. */
export interface Activations {
  /** (N, H, W, C), or (N, C). */
  readonly shape: readonly number[];
  /** In this order, without padding. */
  readonly values: Float32Array<ArrayBuffer>;
}

/**
 * Compiles an evaluation of `size` images as far as these layers, whose outputs have their labels. Rejects with a
 * ShapeError for a label that the model lacks.
 */
export async function compileActivations(
  options: PlanOptions,
  variables: Variables,
  layers: readonly string[],
  size: number,
): Promise<Session> {
  const { gpu, model, frozen, precision = "f32", kernels } = options;
  const graph = new Graph({
    ...{ mode: "eval", precision, frozen: frozenIn(model, frozen) },
    ...graphOptionsWith(gpu, kernels),
  });
  // As activations are stored: a cast would be one more layer.
  const dtype = precision === "mixed" ? "f16" : "f32";
  model.build(graph.input("images", [size, ...model.inputShape], dtype));
  const outputs = layerOutputs(graph);
  for (const label of layers) {
    const output = outputs.get(label);
    if (!output) {
      const known = [...outputs.keys()].join(", ");
      throw new ShapeError("activations", `${model.name} has no layer of this name, but ${known}`, label);
    }
    graph.output(label, output);
  }
  graph.prune();
  return openSession(gpu, lowerForward(graph, options), variables);
}

/** Runs such an evaluation over a data set. */
export async function readActivations(
  session: Session,
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, Activations>>> {
  const layers = [...session.plan.outputs].map(([label, tensor]) => {
    const shape = [dataset.length, ...tensor.shape.slice(1)];
    const values = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
    return [label, { shape, values }] as const;
  });
  let done = 0;
  await runDataset(session, dataset, signal, (outputs, size) => {
    for (const [label, { values }] of layers) {
      const each = values.length / dataset.length;
      values.set(outputs[label]!.subarray(0, size * each), done * each);
    }
    done += size;
  });
  return Object.fromEntries(layers);
}
