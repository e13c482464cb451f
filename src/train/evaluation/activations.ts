/** What the layers of a model make of images. */
import { ShapeError } from "../../base/errors.ts";
import type { Loader } from "../../data/loader.ts";
import { Graph } from "../../graph/graph.ts";
import { lowerForward } from "../../graph/lower.ts";
import { frozenIn } from "../../models/model.ts";
import { buildIn } from "../../models/network.ts";
import { layerOutputs } from "../../models/structure.ts";
import { openSession, type Session } from "../../run/session.ts";
import type { Variables } from "../../run/variables.ts";
import type { PlanOptions } from "../compile.ts";
import { graphOptionsWith } from "../tuning/kernels.ts";
import { runBatches } from "./run-batches.ts";

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
  variables: Pick<Variables, "buffer">,
  layers: readonly string[],
  size: number,
): Promise<Session> {
  const { gpu, model, frozen, precision = "f32", kernels } = options;
  const graph = new Graph({
    ...{ mode: "eval", precision, frozen: frozenIn(model, frozen) },
    ...graphOptionsWith(gpu, kernels),
  });
  // As activations are stored: a cast would be one more layer.
  buildIn(graph, model, size, precision === "mixed" ? "f16" : "f32");
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

/** Runs such an evaluation over all batches of a loader. */
export async function readActivations(
  session: Session,
  loader: Loader,
  signal: AbortSignal | undefined,
): Promise<Readonly<Record<string, Activations>>> {
  const layers = [...session.plan.outputs].map(([label, tensor]) => {
    const shape = [loader.length, ...tensor.shape.slice(1)];
    const values = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
    return [label, { shape, values }] as const;
  });
  let done = 0;
  await runBatches(
    loader,
    () => session,
    signal,
    (outputs, { size }) => {
      for (const [label, { values }] of layers)
        values.set(outputs[label]!, done * (values.length / loader.length));
      done += size;
    },
  );
  return Object.fromEntries(layers);
}
