import { WebgraftError } from "../base/errors.ts";
import { type Dataset, subset } from "../data/dataset.ts";
import { Graph } from "../graph/graph.ts";
import { lowerForward } from "../graph/lower.ts";
import { isNode } from "../graph/op.ts";
import { globalAvgPool, mul } from "../layers/index.ts";
import { frozenIn } from "../models/model.ts";
import { batchNormOp } from "../ops/norm/batch-norm.ts";
import { openSession } from "../run/session.ts";
import { runSource } from "../train/evaluation/run-batches.ts";
import { specsOfClassifier } from "../train/objective.ts";
import type { Trainer } from "../train/trainer.ts";
import { graphOptionsWith } from "../train/tuning/kernels.ts";

/** Which images tell the statistics. */
export interface RestoreNormsOptions {
  /** How many, from all over the data set. Default 64, or all if there are fewer. */
  readonly examples?: number;
  readonly signal?: AbortSignal;
}

/**
 * Gives batch norms the running statistics of these images, and weights and biases with which the network computes what it
 * computed before. Norms that an exporter has folded into convolutions (`unfolded` of `loadPretrained`) can be trained then:
 * normalised by the statistics of a batch, they still agree with the file's network, as far as the batch is like the images.
 * Norms with a frozen weight stay as they are.
 *
 *     const { unfolded } = await loadPretrained(trainer, "mobilenet_v2.onnx");
 *     await restoreNorms(trainer, train, unfolded);
 *
 * Throws WebgraftError for a name of no batch norm, and DataError for data that do not fit. Waits for its turn where the
 * trainer is running.
 */
export async function restoreNorms(
  trainer: Trainer,
  dataset: Dataset,
  norms: readonly string[],
  { examples = 64, signal }: RestoreNormsOptions = {},
): Promise<void> {
  const { model, options, batchSize, variables, kernels, weights } = trainer;
  const { gpu, frozen, microBatches = 1 } = options;
  trainer.check(dataset);
  const graph = new Graph({
    mode: "eval",
    frozen: frozenIn(model, frozen),
    ...graphOptionsWith(gpu, kernels),
  });
  model.build(graph.input("images", [batchSize / microBatches, ...model.inputShape]));
  const all = new Map(
    graph.nodes.filter((node) => isNode(node, batchNormOp)).map((node) => [node.inputs.weight.name, node]),
  );
  const nodes = norms.flatMap((name) => {
    const node = all.get(`${name}.weight`);
    if (!node) throw new WebgraftError(`restoreNorms: ${model.name} has no batch norm ${name}`);
    return graph.isFrozen(`${name}.weight`) ? [] : [{ name, x: node.inputs.x, eps: node.attrs.eps }];
  });
  if (nodes.length === 0) return;
  for (const { name, x } of nodes) {
    graph.output(`${name} mean`, globalAvgPool(x));
    graph.output(`${name} squares`, globalAvgPool(mul(x, x)));
  }
  graph.prune();

  const length = Math.min(examples, dataset.length);
  const some = subset(
    dataset,
    Array.from({ length }, (_, i) => Math.floor((i * dataset.length) / length)),
  );
  /** Means over all images, by the names of outputs. */
  const means = new Map<string, Float64Array>();
  const session = await openSession(gpu, lowerForward(graph, options), variables);
  try {
    await variables.turn("restoring norms", () =>
      runSource(session, some, specsOfClassifier(model).inputs, signal, (outputs, { size }) => {
        for (const [name, values] of Object.entries(outputs)) {
          const C = values.length / size;
          const mean = means.get(name) ?? new Float64Array(C);
          for (const [i, value] of values.entries()) mean[i % C]! += value / length;
          means.set(name, mean);
        }
      }),
    );
  } finally {
    session.destroy();
  }

  const tensors = new Map(weights.map(({ name, tensor }) => [name, tensor]));
  const parts = ["weight", "bias", "running_mean", "running_var"] as const;
  const held = nodes.map(({ name }) => parts.map((part) => tensors.get(`${name}.${part}`)!));
  const values = await variables.read(held.flat());
  for (const [n, { name, eps }] of nodes.entries()) {
    const [weight, bias, runningMean, runningVar] = values.slice(n * parts.length) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const [mean, squares] = [means.get(`${name} mean`)!, means.get(`${name} squares`)!];
    for (const [c, m] of mean.entries()) {
      const variance = Math.max(0, squares[c]! - m * m);
      // y = (x − mean) / √(variance + eps) · weight + bias, before and after.
      const scale = weight[c]! / Math.sqrt(runningVar[c]! + eps);
      weight[c] = scale * Math.sqrt(variance + eps);
      bias[c]! += scale * (m - runningMean[c]!);
      runningMean[c] = m;
      runningVar[c] = variance;
    }
    for (const [i, tensor] of held[n]!.entries()) variables.write(tensor, values[n * parts.length + i]!);
  }
}
