import { ShapeError } from "../base/errors.ts";
import { making } from "../base/resource.ts";
import { differentiate, type Gradients } from "../graph/autodiff.ts";
import { fuse } from "../graph/fusion.ts";
import { Graph, type Variable } from "../graph/graph.ts";
import { emitForward } from "../graph/launches.ts";
import type { Storage, Tensor } from "../graph/tensor.ts";
import { frozenIn } from "../models/model.ts";
import type { AnyNetwork } from "../models/network.ts";
import { fusionsFor } from "../ops/fusions.ts";
import { gradients } from "../ops/gradients.ts";
import { withUpdate } from "../optimizers/optimizer.ts";
import type { Steps } from "../plan/plan.ts";
import { openSession, type Session } from "../run/session.ts";
import type { Variables } from "../run/variables.ts";
import { buildPass, type Mode, type Objective } from "./objective.ts";
import type { TrainerOptions } from "./options.ts";
import { graphOptionsWith, type Kernels } from "./tuning/kernels.ts";

/** The options of a trainer whose objective and kernels are known. */
export type PlanOptions = TrainerOptions<AnyNetwork> & {
  readonly objective: Objective;
  readonly kernels: Kernels;
};

/** A planned and compiled graph of a network. */
export interface Compiled {
  readonly graph: Graph;
  readonly session: Session;
  /** The gradients of the parameters that train, by name, which stay until the next step; none in an evaluation. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** The optimizer's moments; none in an evaluation. */
  readonly moments: readonly Variable[];
  /** With `ema`, where the averages of an arena are, by its name; they are among the moments. */
  readonly averaged: ReadonlyMap<string, Storage>;
  /** The update's flags for what is not finite, which stay raised until they are cleared. */
  readonly flags: readonly Storage[];
  /** `normed` of the update. */
  readonly normed: readonly string[];
  /** With micro-batches, which only accumulate gradients: the session that then updates the parameters. */
  readonly update?: { readonly session: Session; readonly gradients: readonly Storage[] };
}

/**
 * Compiles a training step (output `loss`), an evaluation (outputs `loss` and the objective's) or a prediction (only
 * those) of `size` examples. With micro-batches, `session` runs one of them; `update`, which ends the step, is there only for those of full size.
 */
export function compileStep(
  options: PlanOptions,
  variables: Pick<Variables, "buffer">,
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
  const { optimizer, batchSize, microBatches = 1, memory = "keep", ema } = options;
  const accumulate = microBatches > 1;
  const { graph, loss } = build(options, mode, size);
  const nodes = options.fuse === false ? graph.nodes : fuse(graph, [], fusionsFor(graph));
  const forward = emitForward(graph, nodes);
  if (mode !== "train" || !loss) {
    const nothing = { gradients: new Map(), moments: [], averaged: new Map(), flags: [], normed: [] };
    return { ...nothing, graph, session: await open({ graph, dispatches: forward }) };
  }

  const backward = differentiate(graph, nodes, [[loss, null]], gradients, { memory, accumulate });
  const plain = optimizer.emit(graph, backward);
  const trained = backward.arenas.map(([parameters]) => parameters);
  const update = ema ? ema.emit(plain, graph, trained) : { ...plain, averaged: new Map() };
  const { moments, normed, averaged } = update;
  const flags = [update.outputs.get("nonFinite")].flatMap((tensor) => tensor?.storage ?? []);
  const step = { graph, gradients: gradientsByName(graph, backward), moments, averaged, flags, normed };
  const passes = { graph, dispatches: [...forward, ...backward.dispatches] };
  if (!accumulate) return { ...step, session: await open(withUpdate(passes, update)) };

  const session = await open(passes);
  if (size * microBatches < batchSize) return { ...step, session };
  const nothing = { graph: { ...graph, inputs: new Map(), outputs: new Map() }, dispatches: [] };
  const ends = await open(withUpdate(nothing, update));
  const arenas = backward.arenas.map(([, arena]) => arena);
  return { ...step, session, update: { session: ends, gradients: arenas } };
}

const gradientsByName = ({ parameters }: Graph, { gradients }: Gradients): Compiled["gradients"] =>
  new Map(
    parameters.flatMap(({ name, tensor }) => {
      const gradient = gradients.get(tensor);
      return gradient ? [[name, gradient] as const] : [];
    }),
  );

/** Whether there is a training step of `size` examples: a batch norm over one pixel of one example has no variance. */
export function canTrain(options: PlanOptions, size: number): boolean {
  try {
    build(options, "train", size);
    return true;
  } catch (error) {
    if (error instanceof ShapeError) return false;
    throw error;
  }
}

/** The network's graph, from inputs and targets to the loss, and to what the host reads. */
function build(options: PlanOptions, mode: Mode, size: number): { graph: Graph; loss?: Tensor } {
  const { gpu, model, frozen, precision = "f32", kernels, objective } = options;
  const graph = new Graph({
    ...{ mode: mode === "train" ? mode : "eval", precision, frozen: frozenIn(model, frozen) },
    ...graphOptionsWith(gpu, kernels),
  });
  const { loss, outputs } = buildPass(graph, objective, mode, size);
  if (loss) graph.output("loss", loss);
  for (const [name, tensor] of Object.entries(outputs)) graph.output(name, tensor);
  return { graph, ...(loss && { loss }) };
}
