import { Program } from "../graph/autodiff.ts";
import { Graph, type Variable } from "../graph/graph.ts";
import type { Storage, Tensor } from "../graph/tensor.ts";
import { softmax } from "../layers/index.ts";
import { frozenIn } from "../models/model.ts";
import { type Plan, plan, type Steps } from "../plan/plan.ts";
import { Session } from "../run/session.ts";
import type { Variables } from "../run/variables.ts";
import { evaluationPass, trainingPass } from "./passes.ts";
import type { TrainerOptions } from "./trainer.ts";

/** A planned and compiled graph of the model. */
export interface Compiled {
  readonly graph: Graph;
  readonly plan: Plan;
  readonly session: Session;
  /** The optimizer's moments; none where nothing trains. */
  readonly moments: readonly Variable[];
  /** Of a graph that only adds to gradients: what then updates the parameters by them. */
  readonly update?: { readonly session: Session; readonly gradients: readonly Storage[] };
}

/**
 * A training step of so many images; where a batch comes in micro-batches, only the part of it that is done for each
 * of them, and, if `updates`, the rest as `update`.
 */
export async function compileTraining(
  options: TrainerOptions,
  variables: Variables,
  batch: number,
  updates: boolean,
): Promise<Compiled> {
  const { gpu, model, optimizer, microBatches = 1 } = options;
  const { graph, images, labels } = graphOf(options, "train", batch);
  const { loss } = trainingPass(model, images, labels, options);
  graph.output("loss", loss);
  const accumulate = microBatches > 1;
  const program = new Program(graph, [[loss, null]], { ...options, accumulate });
  const { length } = program.dispatches;
  const outputs = new Map(graph.outputs);
  const { moments } = optimizer.emit(program);
  const start = (steps: Steps): Promise<Session> => Session.create(gpu, plan(steps, gpu.limits), variables);
  if (!accumulate) {
    const session = await start(program);
    return { graph, plan: session.plan, moments, session };
  }
  const { parameters, states } = graph;
  const dispatches = program.dispatches.slice(0, length);
  const session = await start({ dispatches, graph: { inputs: graph.inputs, outputs, parameters, states } });
  const compiled = { graph, plan: session.plan, moments, session };
  if (!updates) return compiled;
  const rest = {
    dispatches: program.dispatches.slice(length),
    graph: { inputs: new Map<string, Tensor>(), outputs: new Map<string, Tensor>(), parameters, states },
  };
  const gradients = program.arenas.map(([, arena]) => arena);
  return { ...compiled, update: { session: await start(rest), gradients } };
}

/** The evaluation of so many images: outputs `loss` and `probabilities`. */
export async function compileEvaluation(
  options: TrainerOptions,
  variables: Variables,
  batch: number,
): Promise<Compiled> {
  const { gpu, model } = options;
  const { graph, images, labels } = graphOf(options, "eval", batch);
  const { logits, loss } = evaluationPass(model, images, labels);
  graph.output("loss", loss);
  graph.output("probabilities", softmax(logits));
  const session = await Session.create(gpu, plan(new Program(graph, [], options), gpu.limits), variables);
  return { graph, plan: session.plan, moments: [], session };
}

function graphOf(
  { gpu, model, frozen, precision = "f32" }: TrainerOptions,
  mode: "train" | "eval",
  batch: number,
) {
  const graph = new Graph({ mode, precision, ...gpu.graphOptions, frozen: frozenIn(model, frozen) });
  const images = graph.input("images", [batch, ...model.inputShape]);
  const labels = graph.input("labels", [batch], "i32");
  return { graph, images, labels };
}
