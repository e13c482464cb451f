import { making } from "../base/resource.ts";
import { differentiate } from "../graph/autodiff.ts";
import { fuse } from "../graph/fusion.ts";
import { Graph, type Variable } from "../graph/graph.ts";
import { emitForward } from "../graph/launches.ts";
import type { Storage, Tensor } from "../graph/tensor.ts";
import { softmax } from "../layers/index.ts";
import { frozenIn } from "../models/model.ts";
import { fusionsFor } from "../ops/fusions.ts";
import { gradients } from "../ops/gradients.ts";
import { withUpdate } from "../optimizers/optimizer.ts";
import type { Steps } from "../plan/plan.ts";
import { openSession, type Session } from "../run/session.ts";
import type { Variables } from "../run/variables.ts";
import type { TrainerOptions } from "./options.ts";
import { evaluationPass, trainingPass } from "./passes.ts";
import { graphOptionsWith, type Kernels } from "./tuning/kernels.ts";

export type Mode = "train" | "eval";

/** The options of a trainer whose kernels are known. */
export type PlanOptions = TrainerOptions & { readonly kernels: Kernels };

/** A planned and compiled graph of the model. */
export interface Compiled {
  readonly graph: Graph;
  readonly session: Session;
  /** The optimizer's moments; none in an evaluation. */
  readonly moments: readonly Variable[];
  /** The update's flags for what is not finite, which stay raised until they are cleared. */
  readonly flags: readonly Storage[];
  /** `normed` of the update. */
  readonly normed: readonly string[];
  /** With micro-batches, which only accumulate gradients: the session that then updates the parameters. */
  readonly update?: { readonly session: Session; readonly gradients: readonly Storage[] };
}

/**
 * Compiles a training step (output `loss`) or an evaluation (outputs `loss` and `probabilities`) of `size` images. With
 * micro-batches, `session` runs one of them; `update`, which ends the step, is there only for those of full size.
 */
export function compileStep(
  options: PlanOptions,
  variables: Variables,
  mode: Mode,
  size: number,
): Promise<Compiled> {
  return making((keep) =>
    compile(options, mode, size, async (steps) => keep(await openSession(options.gpu, steps, variables))),
  );
}

async function compile(
  options: PlanOptions,
  mode: Mode,
  size: number,
  open: (steps: Steps) => Promise<Session>,
): Promise<Compiled> {
  const { optimizer, batchSize, microBatches = 1, memory = "keep" } = options;
  const accumulate = microBatches > 1;
  const { graph, loss } = build(options, mode, size);
  const nodes = options.fuse === false ? graph.nodes : fuse(graph, [], fusionsFor(graph));
  const forward = emitForward(graph, nodes);
  if (mode === "eval")
    return { graph, moments: [], flags: [], normed: [], session: await open({ graph, dispatches: forward }) };

  const backward = differentiate(graph, nodes, [[loss, null]], gradients, { memory, accumulate });
  const update = optimizer.emit(graph, backward);
  const { moments, normed } = update;
  const flags = [update.outputs.get("nonFinite")].flatMap((tensor) => tensor?.storage ?? []);
  const passes = { graph, dispatches: [...forward, ...backward.dispatches] };
  if (!accumulate) return { graph, moments, flags, normed, session: await open(withUpdate(passes, update)) };

  const session = await open(passes);
  if (size * microBatches < batchSize) return { graph, moments, flags, normed, session };
  const nothing = { graph: { ...graph, inputs: new Map(), outputs: new Map() }, dispatches: [] };
  const ends = await open(withUpdate(nothing, update));
  const arenas = backward.arenas.map(([, arena]) => arena);
  return { graph, moments, flags, normed, session, update: { session: ends, gradients: arenas } };
}

/** The model's graph, from images and labels to the loss. */
function build(options: PlanOptions, mode: Mode, size: number): { graph: Graph; loss: Tensor } {
  const { gpu, model, frozen, precision = "f32", kernels } = options;
  const graph = new Graph({
    ...{ mode, precision, frozen: frozenIn(model, frozen) },
    ...graphOptionsWith(gpu, kernels),
  });
  const images = graph.input("images", [size, ...model.inputShape]);
  const labels = graph.input("labels", [size], "i32");
  const pass = mode === "train" ? trainingPass : evaluationPass;
  const { logits, loss } = pass(model, images, labels, options);
  graph.output("loss", loss);
  if (mode === "eval") graph.output("probabilities", softmax(logits));
  return { graph, loss };
}
