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

/** How parameters follow their gradients: one launch an arena of parameters, whatever their number. */
export interface Optimizer {
  readonly name: string;
  /** What a schedule multiplies; each step takes its learning rate from the live scalars. */
  readonly learningRate: number;
  /**
   * Appends the update of every parameter that has a gradient; parameters without one, frozen ones among them,
   * stay as they are. Throws ShapeError where no parameter has a gradient, or where a parameter group matches
   * nothing.
   */
  emit(program: Program): Update;
}

/** What an optimizer keeps and tells besides the parameters. */
export interface Update {
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
function emitLossScale(program: Program, norms: Tensor, state: Tensor): Tensor {
  const emit: Emitter = program;
  program.label("loss scale");
  const unscale = emit.temporary("unscale", [4]);
  emit.dispatch(loss_scale, { state, norms, unscale }, { LENGTH: norms.shape[0]! }, [1, 1, 1]);
  return unscale;
}

/** Emits norms where they are needed, then what `launch` makes of each arena. */
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
