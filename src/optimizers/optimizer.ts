import { ShapeError } from "../base/errors.ts";
import type { Program } from "../graph/autodiff.ts";
import type { Variable } from "../graph/graph.ts";
import type { Emitter } from "../graph/op.ts";
import type { Storage, Tensor } from "../graph/tensor.ts";
import { grid } from "../kernel/grid.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { loss_scale } from "../kernel/shaders.gen.ts";
import { trainedParameters, wholeArena } from "./arena.ts";
import { checkGroups, type GroupOptions, groupTable } from "./groups.ts";
import { emitGradientNorms, namesOfNorms } from "./norms.ts";

/** Updates parameters by their gradients, with one launch for each arena, however many parameters it holds. */
export interface Optimizer {
  readonly name: string;
  /** The rate that a schedule multiplies; each step reads the product from the live scalars. */
  readonly learningRate: number;
  /**
   * Appends the update of every parameter with a gradient; others, such as frozen ones, stay as they are. Throws
   * ShapeError if no parameter has a gradient, or if a parameter group matches nothing.
   */
  emit(program: Program): Update;
}

/** What an optimizer keeps and reports besides the parameters. */
export interface Update {
  /**
   * Its state for each parameter, of the parameter's shape and initially zero, and the loss scale, if there is one.
   * Checkpoints hold these by name, such as `optimizer.momentum.layer1.0.conv1.weight`.
   */
  readonly moments: readonly Variable[];
  /**
   * The parameters whose gradient norms are in the output `gradientNorms`, in its order from element 1 on; element 0
   * is the norm of all gradients together, before clipping. Empty unless requested.
   */
  readonly gradientNorms: readonly string[];
}

export interface OptimizerOptions extends GroupOptions {
  /** Scales all gradients together to a global norm of at most this. Default: no clipping. */
  readonly clipNorm?: number;
  /** Whether the host can read `gradientNorms` after each step. Default false. */
  readonly gradientNorms?: boolean;
}

/** What every update kernel needs of an arena. */
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
function emitLossScale(program: Program, norms: Tensor, state: Tensor): Tensor {
  const emit: Emitter = program;
  program.label("loss scale");
  const unscale = emit.temporary("unscale", [4]);
  emit.dispatch(loss_scale, { state, norms, unscale }, { LENGTH: norms.shape[0]! }, [1, 1, 1]);
  return unscale;
}

/** Emits the norms if they are needed, then calls `launch` for each arena. */
export function emitUpdate<M extends string>(
  program: Program,
  optimizer: string,
  options: OptimizerOptions,
  momentNames: readonly M[],
  launch: (emit: Emitter, arena: ArenaUpdate<M>) => void,
): Update {
  const { graph, arenas } = program;
  const emit: Emitter = program;
  const { clipNorm, gradientNorms = false } = options;
  if (arenas.length === 0) throw new ShapeError(optimizer, "no parameter has a gradient");
  checkGroups(optimizer, options, graph.parameters);
  const { lossScale } = graph;
  const norms =
    clipNorm || gradientNorms || lossScale ? emitGradientNorms(program, gradientNorms) : undefined;
  const unscale = norms && lossScale ? emitLossScale(program, norms, lossScale.tensor) : undefined;
  if (norms && gradientNorms) graph.output("gradientNorms", norms);
  const variables: Variable[] = [];
  for (const [arena, gradients] of arenas) {
    program.label(`${optimizer} of ${arena.name}`);
    const moments = momentNames.map((name) => {
      const storage = momentStorage(program, `${optimizer}.${name} of ${arena.name}`, arena);
      for (const parameter of trainedParameters(program, arena)) {
        variables.push(momentOf(parameter, `optimizer.${name}.${parameter.name}`, storage));
      }
      return [name, wholeArena(graph, storage)] as const;
    });
    launch(emit, {
      bindings: {
        gradients: wholeArena(graph, gradients),
        groups: emit.constant("groups", groupTable(program, arena, options)),
        norms: norms ?? emit.constant("no norms", new Float32Array(4)),
        unscale: unscale ?? emit.constant("no loss scale", Float32Array.of(1, 0, 0, 0)),
        parameters: wholeArena(graph, arena),
      },
      moments: Object.fromEntries(moments) as Record<M, Tensor>,
      constants: { LENGTH: arena.length / 4, MAX_NORM: clipNorm ?? 0 },
      workgroups: (kernel) => grid(arena.length / 16, kernel),
    });
  }
  if (lossScale) variables.push(lossScale);
  return { moments: variables, gradientNorms: gradientNorms ? namesOfNorms(program) : [] };
}

const momentStorage = ({ graph }: Program, name: string, { length }: Storage): Storage =>
  graph.tensor(name, [length], { role: "state" }).storage;

const momentOf = (parameter: Variable, name: string, storage: Storage): Variable => ({
  ...parameter,
  name,
  tensor: { ...parameter.tensor, name, storage, requiresGrad: false },
  init: (shape) => new Float32Array(shape.reduce((product, extent) => product * extent, 1)),
  trainable: false,
  decay: false,
});
