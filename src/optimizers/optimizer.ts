import { ShapeError } from "../base/errors.ts";
import type { Gradients } from "../graph/autodiff.ts";
import type { Graph, Variable } from "../graph/graph.ts";
import { Launches } from "../graph/launches.ts";
import type { Dispatch, Emitter } from "../graph/op.ts";
import type { Storage, Tensor } from "../graph/tensor.ts";
import { grid } from "../kernel/grid.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { loss_scale } from "../kernel/shaders.gen.ts";
import type { Steps } from "../plan/plan.ts";
import { trainedParameters, wholeArena } from "./arena.ts";
import { checkGroups, type GroupOptions, groupTable } from "./groups.ts";
import { emitGradientNorms, namesOfNorms } from "./norms.ts";

/** How parameters follow their gradients: one launch an arena of parameters, whatever their number. */
export interface Optimizer {
  readonly name: string;
  /** What a schedule multiplies; each step takes its learning rate from the live scalars. */
  readonly learningRate: number;
  /**
   * Emits the update of every parameter that has a gradient; parameters without one, frozen ones among them,
   * stay as they are. Throws ShapeError where no parameter has a gradient, or where a parameter group matches
   * nothing.
   */
  emit(graph: Graph, backward: Gradients): Update;
}

/** The end of a training step, and what an optimizer keeps and tells besides the parameters. */
export interface Update {
  /** The launches, for after those of the gradients. */
  readonly dispatches: readonly Dispatch[];
  /** What the host may read besides the graph's outputs: `gradientNorms`, where it was asked for. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /**
   * What it remembers of each parameter, zero at first and of the parameter's shape, and the loss scale, if there is
   * one; a checkpoint holds these under their names, such as `optimizer.momentum.layer1.0.conv1.weight`.
   */
  readonly moments: readonly Variable[];
  /**
   * Parameters whose gradient norm the output `gradientNorms` holds, in its order from element 1 on;
   * element 0 is the norm of all gradients together, before clipping. Empty unless asked for.
   */
  readonly gradientNorms: readonly string[];
}

/** Gradients and the update by them as one step. */
export const withUpdate = ({ graph, dispatches }: Steps, update: Update): Steps => ({
  graph: { ...graph, outputs: new Map([...graph.outputs, ...update.outputs]) },
  dispatches: [...dispatches, ...update.dispatches],
});

export interface OptimizerOptions extends GroupOptions {
  /** Scales all gradients together so that their global norm is at most this. Default: no clipping. */
  readonly clipNorm?: number;
  /** Lets the host read `gradientNorms` after each step. Default false. */
  readonly gradientNorms?: boolean;
}

/** One arena, and what every update kernel needs of it. */
export interface ArenaUpdate<M extends string> {
  readonly bindings: {
    readonly gradients: Tensor;
    readonly groups: Tensor;
    readonly norms: Tensor;
    readonly unscale: Tensor;
    readonly parameters: Tensor;
  };
  readonly moments: Readonly<Record<M, Tensor>>;
  readonly constants: { readonly LENGTH: number; readonly MAX_NORM: number };
  /** Of kernels that update 16 floats an invocation. */
  workgroups(kernel: Kernel): [number, number, number];
}

/** Throws ShapeError, naming the optimizer, for the first of its options that is out of range. */
export function checkOptions(optimizer: string, checks: Readonly<Record<string, [number, boolean]>>): void {
  for (const [rule, [given, holds]] of Object.entries(checks)) {
    if (!holds) throw new ShapeError(optimizer, rule, String(given));
  }
}

/** The checks of what all optimizers share. */
export const commonChecks = (
  lr: number,
  { weightDecay = 0, clipNorm = 1 }: OptimizerOptions,
): Record<string, [number, boolean]> => ({
  "lr must be finite and not negative": [lr, lr >= 0 && lr < Infinity],
  "weightDecay must not be negative": [weightDecay, weightDecay >= 0],
  "clipNorm must be positive": [clipNorm, clipNorm > 0],
});

/**
 * Emits the end of a step in mixed precision: unscales the norms, adapts the scale, and gives what tells the update by
 * what to multiply gradients, or to skip the step.
 */
function emitLossScale(
  graph: Graph,
  norms: Tensor,
  state: Tensor,
): { readonly unscale: Tensor; readonly dispatches: readonly Dispatch[] } {
  const launches = new Launches(graph, "loss scale");
  const emit: Emitter = launches;
  const unscale = emit.temporary("unscale", [4]);
  emit.dispatch(loss_scale, { state, norms, unscale }, { LENGTH: norms.shape[0]! }, [1, 1, 1]);
  return { unscale, dispatches: launches.dispatches };
}

/** Emits norms where they are needed, then what `launch` makes of each arena. */
export function emitUpdate<M extends string>(
  graph: Graph,
  backward: Gradients,
  optimizer: string,
  options: OptimizerOptions,
  momentNames: readonly M[],
  launch: (emit: Emitter, arena: ArenaUpdate<M>) => void,
): Update {
  const { arenas } = backward;
  const { clipNorm, gradientNorms = false } = options;
  if (arenas.length === 0) throw new ShapeError(optimizer, "no parameter has a gradient");
  checkGroups(optimizer, options, graph.parameters);
  const { lossScale } = graph;
  const measured =
    clipNorm || gradientNorms || lossScale ? emitGradientNorms(graph, backward, gradientNorms) : undefined;
  const scaled = measured && lossScale ? emitLossScale(graph, measured.norms, lossScale.tensor) : undefined;
  const dispatches = [...(measured?.dispatches ?? []), ...(scaled?.dispatches ?? [])];
  const moments: Variable[] = [];
  for (const [arena, gradients] of arenas) {
    const emit = new Launches(graph, `${optimizer} of ${arena.name}`);
    const trained = trainedParameters(graph, backward, arena);
    const vectors = momentNames.map((name) => {
      const all = `${optimizer}.${name} of ${arena.name}`;
      const vector = graph.tensor(all, [arena.length], { role: "state" });
      for (const parameter of trained) {
        moments.push(momentOf(parameter, `optimizer.${name}.${parameter.name}`, vector.storage));
      }
      return [name, vector] as const;
    });
    launch(emit, {
      bindings: {
        gradients: wholeArena(graph, gradients),
        groups: emit.constant("groups", groupTable(arena, trained, options)),
        norms: measured?.norms ?? emit.constant("no norms", new Float32Array(4)),
        unscale: scaled?.unscale ?? emit.constant("no loss scale", Float32Array.of(1, 0, 0, 0)),
        parameters: wholeArena(graph, arena),
      },
      moments: Object.fromEntries(vectors) as Record<M, Tensor>,
      constants: { LENGTH: arena.length / 4, MAX_NORM: clipNorm ?? 0 },
      workgroups: (kernel) => grid(arena.length / 16, kernel),
    });
    dispatches.push(...emit.dispatches);
  }
  if (lossScale) moments.push(lossScale);
  const outputs = new Map<string, Tensor>();
  if (measured && gradientNorms) outputs.set("gradientNorms", measured.norms);
  return { dispatches, outputs, moments, gradientNorms: gradientNorms ? namesOfNorms(graph, backward) : [] };
}

const momentOf = (parameter: Variable, name: string, storage: Storage): Variable => ({
  ...parameter,
  name,
  tensor: { ...parameter.tensor, name, storage, requiresGrad: false },
  init: (shape) => new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
  trainable: false,
  decay: false,
});
