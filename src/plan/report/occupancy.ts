import { type Lifetime, lifetimes } from "../lifetimes.ts";
import type { Plan } from "../plan.ts";

/** The memory of a plan's temporaries over time. */
export interface Occupancy {
  readonly tensors: readonly Lifetime[];
  /** Bytes alive at each dispatch. */
  readonly alive: Float64Array;
  /** The dispatch with the most bytes alive. */
  readonly peak: number;
}

export function occupancyOf({ dispatches, outputs }: Plan): Occupancy {
  const kept = new Set([...outputs.values()].map(({ storage }) => storage));
  const tensors = lifetimes(dispatches, kept);
  const alive = new Float64Array(dispatches.length);
  for (const { first, last, bytes } of tensors) {
    for (let i = first; i <= Math.min(last, dispatches.length - 1); i++) alive[i]! += bytes;
  }
  return { tensors, alive, peak: alive.indexOf(Math.max(0, ...alive)) };
}

/** `1.25 MiB`, in the unit that suits `scale` bytes, so that a table or an axis can have a single unit. */
export function bytesIn(scale: number, bytes: number, digits = 2): string {
  const [unit, size] =
    scale >= 2 ** 30 ? ["GiB", 2 ** 30] : scale >= 2 ** 20 ? ["MiB", 2 ** 20] : ["KiB", 2 ** 10];
  return `${(bytes / (size as number)).toFixed(digits)} ${unit}`;
}
