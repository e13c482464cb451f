/**
 * Places temporaries on slabs (GPU buffers) so that no two live at once share bytes and no dispatch reads
 * and writes one slab. A greedy after "Efficient Memory Management for Deep Neural Net Inference"
 * (Pisarchyk and Lee 2020), generalised to both of its cases at once: a tensor goes where the total grows
 * least, into a gap of a slab, at a slab's end, or onto a slab of its own. What comes out depends on the order in
 * which tensors are placed, so a few orders are tried, and then the best one is improved: a tensor that made the
 * total grow is placed earlier.
 *
 * Training steps come within a percent of the lower bound, mostly at the first try. Where a plan stays above it, as in
 * evaluation, the rule about reading and writing binds: of tensors of 2, 1, 1 and 2 bytes, each made from the one
 * before, never more than 3 are alive, but two slabs of 2 and 1 cannot hold them in turns. `plan` then asks again with
 * fewer conflicts.
 */
import { PlanError } from "../base/errors.ts";
import { Random } from "../base/random.ts";
import type { Storage } from "../graph/tensor.ts";
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

/** What a device allows, in bytes. */
export interface MemoryLimits {
  /** Largest storage binding of the device, bytes. */
  readonly maxBindingBytes: number;
  /** Largest buffer of the device, bytes. */
  readonly maxBufferBytes: number;
}

/** Sub-ranges of a buffer are bound at multiples of this (WebGPU's minStorageBufferOffsetAlignment). */
const ALIGNMENT = 256;
/** A plan within this factor of the lower bound is good enough. */
const GOOD = 1.01;
/** Steps of a search for a better order, and their work in pairs of tensors compared: together about 0.2 s. */
const SEARCH_STEPS = 600;
const SEARCH_WORK = 6e6;
/** Tensors of at least this share of the lower bound may get slabs of their own. */
const APART = 1 / 64;

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
  const bound = lowerBound(tensors);
  const good = (attempt: Attempt): boolean => total(attempt.plan) <= GOOD * bound;
  let best: Attempt | undefined;
  for (const order of orders(tensors)) {
    const attempt = place(order, limits, Number.POSITIVE_INFINITY);
    if (!best || total(attempt.plan) < total(best.plan)) best = attempt;
    if (good(best)) return best.plan;
  }
  for (const apart of [Number.POSITIVE_INFINITY, APART * bound]) {
    const found = search(place(best!.order, limits, apart), limits, apart, good);
    if (total(found.plan) < total(best!.plan)) best = found;
    if (good(best!)) break;
  }
  return best!.plan;
}

/** Bytes of all slabs. */
export const total = ({ slabs }: MemoryPlan): number => slabs.reduce((sum, bytes) => sum + bytes, 0);

function* orders(tensors: readonly Lifetime[]): Generator<readonly Lifetime[]> {
  yield tensors.toSorted((a, b) => b.bytes - a.bytes || a.first - b.first);
  yield tensors.toSorted((a, b) => b.bytes * (b.last - b.first + 1) - a.bytes * (a.last - a.first + 1));
  yield tensors.toSorted((a, b) => b.last - b.first - (a.last - a.first) || b.bytes - a.bytes);
  yield tensors;
}

/** A plan, the order that led to it, and the places in the order at which the total grew. */
interface Attempt {
  readonly plan: MemoryPlan;
  readonly order: readonly Lifetime[];
  readonly grown: readonly number[];
}

/** The best attempt that was found by placing one tensor earlier, again and again. */
function search(
  start: Attempt,
  limits: MemoryLimits,
  apart: number,
  good: (attempt: Attempt) => boolean,
): Attempt {
  const random = new Random(1, "plan");
  const draw = (count: number): number => Math.floor(random.uniform() * count);
  const steps = Math.min(SEARCH_STEPS, SEARCH_WORK / start.order.length ** 2);
  let best = start;
  for (let step = 0; step < steps && !good(best); step++) {
    const from = best.grown[draw(best.grown.length)]!;
    const order = best.order.slice();
    order.splice(draw(from), 0, ...order.splice(from, 1));
    const attempt = place(order, limits, apart);
    // Those of equal size too: they are on the way to better ones.
    if (total(attempt.plan) <= total(best.plan)) best = attempt;
  }
  return best;
}

/** Places in the given order; what takes `apart` bytes gets a slab of its own where growing another costs as much. */
function place(order: readonly Lifetime[], limits: MemoryLimits, apart: number): Attempt {
  const slabs: { bytes: number; tenants: { lifetime: Lifetime; offset: number }[] }[] = [];
  const placements = new Map<Storage, Placement>();
  const grown: number[] = [];
  order.forEach((lifetime, position) => {
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
    if (!best || (best.growth === bytes && bytes >= apart)) {
      best = { slab: slabs.length, offset: 0, growth: bytes, slack: 0 };
      slabs.push({ bytes: 0, tenants: [] });
    }
    const slab = slabs[best.slab]!;
    slab.bytes += best.growth;
    if (best.growth > 0) grown.push(position);
    slab.tenants.push({ lifetime, offset: best.offset });
    placements.set(lifetime.storage, { slab: best.slab, offset: best.offset });
  });
  return { plan: { slabs: slabs.map((slab) => slab.bytes), placements }, order, grown };
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
