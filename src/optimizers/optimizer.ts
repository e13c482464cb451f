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
import { emitGradientNorms, measureUpdate, namesOfNorms } from "./norms.ts";

/** Updates parameters by their gradients, with one launch for each arena, however many parameters it holds. */
export interface Optimizer {
  readonly name: string;
  /** The rate that a schedule multiplies; each step reads the product from the live scalars. */
  readonly learningRate: number;
  /**
   * Emits the update of every parameter with a gradient; others, such as frozen ones, stay as they are. Throws
   * ShapeError if no parameter has a gradient, or if a parameter group matches nothing.
   */
  emit(graph: Graph, backward: Gradients): Update;
  /** The same kernel with options for which its results are known, for `selfTest`; without it, it is not tested. */
  readonly standard?: () => Optimizer;
}

/** The end of a training step, and what an optimizer keeps and reports besides the parameters. */
export interface Update {
  /** The launches, for after those of the gradients. */
  readonly dispatches: readonly Dispatch[];
  /**
   * What the host may read besides the graph's outputs: `nonFinite`, two flags that stay raised until the host clears
   * them, for a gradient that was not finite and for a new weight or moment that was not. Where they were asked for,
   * norms: `gradientNorms`, before clipping; `updateNorms`, of what the update adds to parameters, and `parameterNorms`
   * after it. Element 0 is the norm of all together, and one for each parameter in `normed` follows.
   */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /**
   * Its state for each parameter, of the parameter's shape and initially zero, and the loss scale, if there is one.
   * Checkpoints hold these by name, such as `optimizer.momentum.layer1.0.conv1.weight`.
   */
  readonly moments: readonly Variable[];
  /** The parameters whose norms are in outputs, in their order. Empty unless norms were asked for. */
  readonly normed: readonly string[];
}

/** Gradients and the update by them as one step. */
export const withUpdate = ({ graph, dispatches }: Steps, update: Update): Steps => ({
  graph: { ...graph, outputs: new Map([...graph.outputs, ...update.outputs]) },
  dispatches: [...dispatches, ...update.dispatches],
});

/** Options of every optimizer. */
export interface OptimizerOptions extends GroupOptions {
  /**
   * Scales all gradients together to a global norm of at most this; where the norm is not finite, the update is skipped.
   * Default: no clipping.
   */
  readonly clipNorm?: number;
  /** Whether the host can read `gradientNorms` after each step; a trainer's steps then tell them. Default false. */
  readonly gradientNorms?: boolean;
  /**
   * Whether the host can read `updateNorms` and `parameterNorms` after each step; a trainer's steps then tell
   * `updateRatios`. Takes memory for one more copy of the parameters while they are updated. Default false.
   */
  readonly updateRatios?: boolean;
}

/** What every update kernel needs of an arena. */
export interface ArenaUpdate<M extends string> {
  readonly bindings: {
    readonly gradients: Tensor;
    readonly groups: Tensor;
    readonly norms: Tensor;
    readonly unscale: Tensor;
    readonly parameters: Tensor;
    readonly non_finite: Tensor;
  };
  readonly moments: Readonly<Record<M, Tensor>>;
  readonly constants: { readonly LENGTH: number; readonly MAX_NORM: number };
  /** The grid of a kernel whose invocations update 16 floats each. */
  workgroups(kernel: Kernel): [number, number, number];
}

/** Throws ShapeError, naming the optimizer, for the first of its options that is out of range. */
export function checkOptions(optimizer: string, checks: Readonly<Record<string, [number, boolean]>>): void {
  for (const [rule, [given, holds]] of Object.entries(checks)) {
    if (!holds) throw new ShapeError(optimizer, rule, String(given));
  }
}

/** The checks of the options that all optimizers share. */
export const commonChecks = (
  lr: number,
  { weightDecay = 0, clipNorm = 1 }: OptimizerOptions,
): Record<string, [number, boolean]> => ({
  "lr must be finite and not negative": [lr, lr >= 0 && lr < Infinity],
  "weightDecay must not be negative": [weightDecay, weightDecay >= 0],
  "clipNorm must be positive": [clipNorm, clipNorm > 0],
});

/**
 * Emits the end of a step in mixed precision: unscales the norms, adapts the loss scale, and returns what the update
 * multiplies gradients by, or that it skips the step.
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

/** Emits the norms if they are needed, then calls `launch` for each arena. */
export function emitUpdate<M extends string>(
  graph: Graph,
  backward: Gradients,
  optimizer: string,
  options: OptimizerOptions,
  momentNames: readonly M[],
  launch: (emit: Emitter, arena: ArenaUpdate<M>) => void,
): Update {
  const { arenas } = backward;
  const { clipNorm, gradientNorms = false, updateRatios = false } = options;
  if (arenas.length === 0) throw new ShapeError(optimizer, "no parameter has a gradient");
  checkGroups(optimizer, options, graph.parameters);
  const { lossScale } = graph;
  const measured =
    clipNorm || gradientNorms || lossScale ? emitGradientNorms(graph, backward, gradientNorms) : undefined;
  const scaled = measured && lossScale ? emitLossScale(graph, measured.norms, lossScale.tensor) : undefined;
  const change = updateRatios ? measureUpdate(graph, backward) : undefined;
  const dispatches = [
    ...(measured?.dispatches ?? []),
    ...(scaled?.dispatches ?? []),
    ...(change?.before ?? []),
  ];
  const nonFinite = graph.tensor("optimizer.non_finite", [4], { role: "state", dtype: "u32" });
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
        non_finite: nonFinite,
      },
      moments: Object.fromEntries(vectors) as Record<M, Tensor>,
      constants: { LENGTH: arena.length / 4, MAX_NORM: clipNorm ?? 0 },
      workgroups: (kernel) => grid(arena.length / 16, kernel),
    });
    dispatches.push(...emit.dispatches);
  }
  dispatches.push(...(change?.after ?? []));
  if (lossScale) moments.push(lossScale);
  const outputs = new Map([["nonFinite", nonFinite]]);
  if (measured && gradientNorms) outputs.set("gradientNorms", measured.norms);
  if (change) outputs.set("updateNorms", change.updateNorms).set("parameterNorms", change.parameterNorms);
  const normed = gradientNorms || updateRatios ? namesOfNorms(graph, backward) : [];
  return { dispatches, outputs, moments, normed };
}

const momentOf = (parameter: Variable, name: string, storage: Storage): Variable => ({
  ...parameter,
  name,
  tensor: { ...parameter.tensor, name, storage, requiresGrad: false },
  init: (shape) => new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
  trainable: false,
  decay: false,
});
