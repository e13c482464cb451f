/**
 * Places temporaries on slabs (GPU buffers) so that no two live at once share bytes and no dispatch reads
 * and writes one slab. A greedy after "Efficient Memory Management for Deep Neural Net Inference"
 * (Pisarchyk and Lee 2020), generalised to both of its cases at once: a tensor goes where the total grows
 * least, into a gap of a slab, at a slab's end, or onto a slab of its own. Several orders and tie rules are
 * tried and the smallest total is kept.
 */
import { PlanError } from "../errors.ts";
import type { Storage } from "../graph/tensor.ts";
import { Random } from "../random.ts";
import { type Lifetime, lowerBound } from "./lifetimes.ts";

/** Where a temporary lives: bytes from `offset` in slab number `slab`. */
export interface Placement {
  readonly slab: number;
  readonly offset: number;
}

export interface MemoryPlan {
  readonly slabs: readonly number[];
  readonly placements: ReadonlyMap<Storage, Placement>;
}

export interface MemoryLimits {
  /** Largest storage binding of the device, bytes. */
  readonly maxBindingBytes: number;
  /** Largest buffer of the device, bytes. */
  readonly maxBufferBytes: number;
}

/** Sub-ranges of a buffer are bound at multiples of this (WebGPU's minStorageBufferOffsetAlignment). */
const ALIGNMENT = 256;
/** Shuffled orders tried after the fixed ones, until a plan is within 1 % of the lower bound. */
const SHUFFLES = 48;

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Plans the memory of these temporaries; a PlanError names the tensor that the device cannot hold. */
export function planMemory(tensors: readonly Lifetime[], limits: MemoryLimits): MemoryPlan {
  for (const { storage, bytes } of tensors) {
    if (bytes > limits.maxBindingBytes) {
      throw new PlanError(
        `${storage.name} takes ${bytes} bytes; the device binds at most ${limits.maxBindingBytes} — use a smaller batch`,
      );
    }
  }
  const enough = 1.01 * lowerBound(tensors);
  let best: MemoryPlan | undefined;
  for (const order of orders(tensors)) {
    for (const spread of [false, true]) {
      const plan = place(order, limits, spread);
      if (!best || total(plan) < total(best)) best = plan;
      // Without trying more: a smaller plan would save little, and might take hundreds of slabs.
      if (total(best) <= enough) return best;
    }
  }
  return best!;
}

/** Bytes of all slabs. */
export const total = ({ slabs }: MemoryPlan): number => slabs.reduce((sum, bytes) => sum + bytes, 0);

function* orders(tensors: readonly Lifetime[]): Generator<readonly Lifetime[]> {
  const bySize = tensors.toSorted((a, b) => b.bytes - a.bytes || a.first - b.first);
  yield bySize;
  yield tensors.toSorted((a, b) => b.bytes * (b.last - b.first + 1) - a.bytes * (a.last - a.first + 1));
  yield tensors.toSorted((a, b) => b.last - b.first - (a.last - a.first) || b.bytes - a.bytes);
  yield tensors;
  const random = new Random(1, "plan");
  for (let i = 0; i < SHUFFLES; i++) {
    const keys = new Map(tensors.map((t) => [t, t.bytes * (0.5 + random.uniform())]));
    yield tensors.toSorted((a, b) => keys.get(b)! - keys.get(a)!);
  }
}

/** Places in the given order; `spread` prefers a slab of its own where growing another costs as much. */
function place(order: readonly Lifetime[], limits: MemoryLimits, spread: boolean): MemoryPlan {
  const slabs: { bytes: number; tenants: { lifetime: Lifetime; offset: number }[] }[] = [];
  const placements = new Map<Storage, Placement>();
  for (const lifetime of order) {
    const bytes = align(lifetime.bytes);
    let best: { slab: number; offset: number; growth: number; slack: number } | undefined;
    slabs.forEach((slab, index) => {
      const live = slab.tenants.filter(
        ({ lifetime: other }) => other.first <= lifetime.last && lifetime.first <= other.last,
      );
      if (live.some(({ lifetime: other }) => lifetime.conflicts.has(other.storage))) return;
      for (const [offset, room] of gaps(live, slab.bytes)) {
        const growth = Math.max(0, bytes - room);
        const isLast = offset + room === slab.bytes;
        if (growth > 0 && (!isLast || slab.bytes + growth > limits.maxBufferBytes)) continue;
        const slack = Math.max(0, room - bytes);
        if (!best || growth < best.growth || (growth === best.growth && slack < best.slack)) {
          best = { slab: index, offset, growth, slack };
        }
      }
    });
    if (!best || best.growth > bytes || (spread && best.growth === bytes)) {
      best = { slab: slabs.length, offset: 0, growth: bytes, slack: 0 };
      slabs.push({ bytes: 0, tenants: [] });
    }
    const slab = slabs[best.slab]!;
    slab.bytes += best.growth;
    slab.tenants.push({ lifetime, offset: best.offset });
    placements.set(lifetime.storage, { slab: best.slab, offset: best.offset });
  }
  return { slabs: slabs.map((slab) => slab.bytes), placements };
}

/** Free [offset, bytes] of a slab between the tenants alive at the time, the one at its end included. */
function* gaps(
  live: readonly { lifetime: Lifetime; offset: number }[],
  slabBytes: number,
): Generator<readonly [offset: number, room: number]> {
  let end = 0;
  for (const { lifetime, offset } of live.toSorted((a, b) => a.offset - b.offset)) {
    if (offset > end) yield [end, offset - end];
    end = Math.max(end, offset + align(lifetime.bytes));
  }
  yield [end, slabBytes - end];
}
