/**
 * The several ways to compute one task, of which a table of measurements or else a heuristic chooses one. No
 * choice is made outside of here: a table reaches the ops through `Capabilities.tuned`.
 */

import type { Geometry } from "../../base/window.ts";
import type { Emitter } from "../../graph/op.ts";
import type { Capabilities, Task } from "../../kernel/capabilities.ts";

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
export interface Variant<Args extends readonly unknown[]> extends VariantInfo {
  /** Whether it gives the right result for this geometry on this device, and may be the best. */
  fits(geometry: Geometry, device: Capabilities): boolean;
  emit(emit: Emitter, geometry: Geometry, ...args: Args): void;
}

/** All ways to compute a pass, and which to take where nothing was measured. */
export interface Variants<Args extends readonly unknown[]> {
  readonly pass: Task["pass"];
  readonly all: readonly Variant<Args>[];
  guess(geometry: Geometry, device: Capabilities): Variant<Args>;
}

/** Emits the variant that the device's table names, where it fits, or else the heuristic's. */
export function emitBest<Args extends readonly unknown[]>(
  variants: Variants<Args>,
  emit: Emitter,
  geometry: Geometry,
  ...args: Args
): void {
  const { pass, all, guess } = variants;
  const { device } = emit;
  const { activations: dtype } = device;
  const name = device.tuned?.({ pass, geometry, ...(dtype && { dtype }) });
  const tuned = all.find((variant) => variant.name === name && variant.fits(geometry, device));
  (tuned ?? guess(geometry, device)).emit(emit, geometry, ...args);
}

/** Every variant that fits: the heuristic's first, variations of others last. */
export function candidates<Args extends readonly unknown[]>(
  { all, guess }: Variants<Args>,
  geometry: Geometry,
  device: Capabilities,
): readonly Variant<Args>[] {
  const first = guess(geometry, device);
  const others = all.filter((variant) => variant.name !== first.name && variant.fits(geometry, device));
  return [first, ...others.filter(({ varies }) => !varies), ...others.filter(({ varies }) => varies)];
}
