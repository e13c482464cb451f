/**
 * The several ways to compute a pass of an op, of which a table of measurements or else a heuristic chooses one. No
 * choice is made outside of here: a table reaches the ops through `Capabilities.tuned`.
 */

import type { Random } from "../base/random.ts";
import type { Emitter, Op, TensorSpec } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import type { Capabilities, Task, TaskKey } from "../kernel/capabilities.ts";

export interface VariantInfo {
  /** Unique in its pass; tables of measurements hold it. */
  readonly name: string;
  /**
   * Rounding error that it is allowed, in units of 1e-6 · √(products summed up), relative to the largest value
   * of the result: 1 for plain sums in f32.
   */
  readonly error: number;
  /** Name of the variant that it varies a little: it can only be the best where that one is better than all others. */
  readonly varies?: string;
}

/** One way to compute a pass: a kernel, or an algorithm of several launches. */
export interface Variant<Key extends TaskKey, Args extends readonly unknown[]> extends VariantInfo {
  /** Whether it gives the right result for this key on this device, and may be the best. */
  fits(key: Key, device: Capabilities): boolean;
  emit(emit: Emitter, key: Key, ...args: Args): void;
}

/** All ways to compute a pass of an op, which to take where nothing was measured, and what it is to measure one. */
export interface Tunable<Key extends TaskKey, Args extends readonly unknown[]> {
  readonly op: string;
  readonly pass: string;
  readonly variants: readonly Variant<Key, Args>[];
  /** The heuristic's choice, which fits. */
  guess(key: Key, device: Capabilities): Variant<Key, Args>;
  /** One such pass without a model around it; `dtype` is that of activations. */
  alone(key: Key, dtype: "f32" | "f16"): Alone<Args>;
}

export interface Alone<Args extends readonly unknown[]> {
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  /** Products that are summed up for one number of the results. */
  readonly products: number;
  /** What `emit` takes, from the inputs and outputs. */
  args(tensors: Readonly<Record<string, Tensor>>): Args;
}

export interface InputSpec extends TensorSpec {
  /** One of its values. Default uniform in [−1, 1). */
  readonly value?: (random: Random) => number;
}

/** A task with what the tuner needs in order to measure it. */
export interface MeasurableTask extends Task {
  /** Every variant that fits and is not barred, the heuristic's first, variations of others last. */
  variants(device: Capabilities): readonly VariantInfo[];
  /** The task as an op; its variant is that which `Capabilities.tuned` names. */
  alone(): Pick<Alone<never>, "inputs" | "outputs" | "products"> & { readonly op: TaskOp };
}

type Named = Readonly<Record<string, Tensor>>;
export type TaskOp = Op<Named, undefined, Named>;

/** The variant that the device's table names, where it is usable, or else the heuristic's. */
export function best<Key extends TaskKey, Args extends readonly unknown[]>(
  tunable: Tunable<Key, Args>,
  key: Key,
  device: Capabilities,
): Variant<Key, Args> {
  const name = device.tuned?.(taskOf(tunable, key, device.activations));
  const tuned = name === undefined ? undefined : usable(tunable, key, device).find((v) => v.name === name);
  return tuned ?? guessed(tunable, key, device);
}

/** Emits the best variant. */
export function emitBest<Key extends TaskKey, Args extends readonly unknown[]>(
  tunable: Tunable<Key, Args>,
  emit: Emitter,
  key: Key,
  ...args: Args
): void {
  best(tunable, key, emit.device).emit(emit, key, ...args);
}

/** The variants that fit and are not barred. */
function usable<Key extends TaskKey, Args extends readonly unknown[]>(
  tunable: Tunable<Key, Args>,
  key: Key,
  device: Capabilities,
): readonly Variant<Key, Args>[] {
  const task = taskOf(tunable, key, device.activations);
  return tunable.variants.filter(
    (variant) => variant.fits(key, device) && device.allows?.(task, variant.name) !== false,
  );
}

/** The heuristic's choice or, where that is barred, the first that is not. */
function guessed<Key extends TaskKey, Args extends readonly unknown[]>(
  tunable: Tunable<Key, Args>,
  key: Key,
  device: Capabilities,
): Variant<Key, Args> {
  const guess = tunable.guess(key, device);
  if (device.allows?.(taskOf(tunable, key, device.activations), guess.name) !== false) return guess;
  return usable(tunable, key, device)[0] ?? guess;
}

/** The task of computing a pass for this key. */
export function taskOf<Key extends TaskKey, Args extends readonly unknown[]>(
  tunable: Tunable<Key, Args>,
  key: Key,
  dtype?: "f16",
): MeasurableTask {
  const { op, pass } = tunable;
  return {
    ...{ op, pass, key, ...(dtype && { dtype }) },
    variants: (device) => candidates(tunable, key, dtype ? { ...device, activations: dtype } : device),
    alone() {
      const { inputs, outputs, products, args } = tunable.alone(key, dtype ?? "f32");
      const forward: TaskOp["forward"] = (emit, node) =>
        emitBest(tunable, emit, key, ...args({ ...node.inputs, ...node.outputs }));
      return { inputs, outputs, products, op: { name: "task", infer: () => outputs, forward } };
    },
  };
}

/** A device that knows no measurements, and the tasks that ops ask it for from now on, in their order. */
export function recorder(given: Capabilities): {
  readonly device: Capabilities;
  readonly tasks: readonly MeasurableTask[];
} {
  const tasks: MeasurableTask[] = [];
  const tuned = (task: Task): undefined => {
    tasks.push(task as MeasurableTask); // `emitBest` asks for no others.
  };
  return { device: { ...given, tuned }, tasks };
}

function candidates<Key extends TaskKey, Args extends readonly unknown[]>(
  tunable: Tunable<Key, Args>,
  key: Key,
  device: Capabilities,
): readonly VariantInfo[] {
  const first = guessed(tunable, key, device);
  const others = usable(tunable, key, device).filter(({ name }) => name !== first.name);
  return [first, ...others.filter(({ varies }) => !varies), ...others.filter(({ varies }) => varies)];
}
