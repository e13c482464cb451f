import type { Dispatch } from "../graph/op.ts";
import { bytesOf, type Storage } from "../graph/tensor.ts";

/** When a temporary is alive, in dispatch numbers, both inclusive, and whom it must not share a buffer with. */
export interface Lifetime {
  readonly storage: Storage;
  readonly bytes: number;
  readonly first: number;
  last: number;
  /** Storages that some dispatch binds with the other access: one buffer cannot be read and written in it. */
  readonly conflicts: Set<Storage>;
}

/**
 * Lifetimes of all temporaries of a dispatch list, in order of their first use. Those in `kept` are read by
 * the host and live to the end.
 */
export function lifetimes(dispatches: readonly Dispatch[], kept: ReadonlySet<Storage>): Lifetime[] {
  const found = new Map<Storage, Lifetime>();
  dispatches.forEach((dispatch, i) => {
    const read: Lifetime[] = [];
    const written: Lifetime[] = [];
    for (const { name, access } of dispatch.kernel.bindings) {
      const { storage } = dispatch.bindings[name]!;
      if (storage.role !== "temporary") continue;
      let lifetime = found.get(storage);
      if (!lifetime) {
        lifetime = { storage, bytes: bytesOf(storage), first: i, last: i, conflicts: new Set() };
        found.set(storage, lifetime);
      }
      lifetime.last = kept.has(storage) ? dispatches.length : i;
      (access === "read" ? read : written).push(lifetime);
    }
    for (const a of read) {
      for (const b of written) {
        a.conflicts.add(b.storage);
        b.conflicts.add(a.storage);
      }
    }
  });
  return [...found.values()];
}

/** The largest sum of bytes alive at one dispatch: no plan can need less. */
export function lowerBound(tensors: readonly Lifetime[]): number {
  const change = new Map<number, number>();
  for (const { first, last, bytes } of tensors) {
    change.set(first, (change.get(first) ?? 0) + bytes);
    change.set(last + 1, (change.get(last + 1) ?? 0) - bytes);
  }
  let live = 0;
  let peak = 0;
  for (const [, delta] of [...change].sort(([a], [b]) => a - b)) {
    live += delta;
    peak = Math.max(peak, live);
  }
  return peak;
}
