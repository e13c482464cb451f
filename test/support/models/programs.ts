import { Graph, type Precision } from "../../../src/graph/graph.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { asActivations, crossEntropy } from "../../../src/layers/index.ts";
import { frozenIn, type Model } from "../../../src/models/index.ts";
import { type LowerOptions, lower, type Program } from "../../../src/ops/lower.ts";
import { sgd } from "../../../src/optimizers/index.ts";

/** The launches of a training step (SGD with momentum) or an evaluation of a model, optionally with frozen parts. */
export function programOf(
  model: Model,
  batch: number,
  mode: "train" | "eval",
  options: LowerOptions & {
    readonly frozen?: (name: string) => boolean;
    readonly device?: Capabilities | undefined;
    readonly precision?: Precision;
  } = {},
): Program {
  const { frozen, device, precision = "f32", ...programOptions } = options;
  const graph = new Graph({ mode, precision, frozen: frozenIn(model, frozen), ...(device && { device }) });
  const images = graph.input("images", [batch, ...model.inputShape]);
  const labels = graph.input("labels", [batch], "i32");
  const loss = crossEntropy(model.build(asActivations(images)), labels);
  graph.output("loss", loss);
  if (mode === "eval") return lower(graph, [], programOptions);
  const program = lower(graph, [[loss, null]], programOptions);
  const update = sgd({ lr: 0.1, momentum: 0.9 }).emit(graph, program);
  return { ...program, dispatches: [...program.dispatches, ...update.dispatches] };
}
