import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Storage } from "../../../src/graph/tensor.ts";
import { type Lifetime, lowerBound } from "../../../src/plan/lifetimes.ts";
import { planMemory, total } from "../../../src/plan/memory.ts";

const LIMITS = { maxBindingBytes: 2 ** 27, maxBufferBytes: 2 ** 28 };

/** Random chains of dispatches, each reading some live tensors and writing new ones, as a step does. */
const lifetimesOfRandomPrograms = fc
  .array(fc.record({ length: fc.integer({ min: 1, max: 5000 }), life: fc.integer({ min: 0, max: 30 }) }), {
    minLength: 1,
    maxLength: 60,
  })
  .map((tensors) => {
    const list: Lifetime[] = tensors.map(({ length, life }, i) => ({
      storage: { id: i, name: `t${i}`, role: "temporary", dtype: "f32", length } satisfies Storage,
      bytes: length * 4,
      first: i,
      last: i + life,
      conflicts: new Set<Storage>(),
    }));
    // Tensor i is written at dispatch i; whatever else is used at i is read there.
    for (const [i, written] of list.entries()) {
      for (const other of list.slice(0, i)) {
        if (other.last !== i) continue;
        other.conflicts.add(written.storage);
        written.conflicts.add(other.storage);
      }
    }
    return list;
  });

describe("memory plan", () => {
  it("gives live tensors bytes of their own and keeps reads and writes on different slabs", () => {
    fc.assert(
      fc.property(lifetimesOfRandomPrograms, (tensors) => {
        const { slabs, placements } = planMemory(tensors, LIMITS);
        for (const [i, a] of tensors.entries()) {
          const at = placements.get(a.storage)!;
          expect(at.offset % 256).toBe(0);
          expect(at.offset + a.bytes).toBeLessThanOrEqual(slabs[at.slab]!);
          for (const b of tensors.slice(0, i)) {
            const other = placements.get(b.storage)!;
            if (other.slab !== at.slab || b.last < a.first || a.last < b.first) continue;
            expect(a.conflicts.has(b.storage)).toBe(false);
            expect(at.offset >= other.offset + b.bytes || other.offset >= at.offset + a.bytes).toBe(true);
          }
        }
      }),
    );
  });

  it("needs no less than the lower bound and no more than the tensors side by side", () => {
    fc.assert(
      fc.property(lifetimesOfRandomPrograms, (tensors) => {
        const bytes = total(planMemory(tensors, LIMITS));
        expect(bytes).toBeGreaterThanOrEqual(lowerBound(tensors));
        expect(bytes).toBeLessThanOrEqual(
          tensors.reduce((sum, t) => sum + Math.ceil(t.bytes / 256) * 256, 0),
        );
      }),
    );
  });

  it("never makes a slab larger than the device's largest buffer", () => {
    fc.assert(
      fc.property(lifetimesOfRandomPrograms, (tensors) => {
        const { slabs } = planMemory(tensors, { maxBindingBytes: 20_000, maxBufferBytes: 24_000 });
        for (const bytes of slabs) expect(bytes).toBeLessThanOrEqual(24_000);
      }),
    );
  });

  it("plans alike each time", () => {
    fc.assert(
      fc.property(lifetimesOfRandomPrograms, (tensors) => {
        expect(planMemory(tensors, LIMITS)).toEqual(planMemory(tensors, LIMITS));
      }),
      { numRuns: 20 },
    );
  });

  it("holds a chain of 2, 1, 1 and 2, each made from the one before, in 4", () => {
    const tensors = [2, 1, 1, 2].map((size, i): Lifetime => {
      const storage: Storage = { id: i, name: `t${i}`, role: "temporary", dtype: "f32", length: 64 * size };
      return { storage, bytes: 256 * size, first: i, last: i + 1, conflicts: new Set() };
    });
    for (const [i, tensor] of tensors.entries()) {
      for (const other of [tensors[i - 1], tensors[i + 1]]) if (other) tensor.conflicts.add(other.storage);
    }
    expect(lowerBound(tensors)).toBe(3 * 256);
    expect(total(planMemory(tensors, LIMITS))).toBe(4 * 256);
  });

  it("names the tensor that the device cannot bind", () => {
    const storage: Storage = { id: 0, name: "layer1.conv1", role: "temporary", dtype: "f32", length: 1000 };
    const tensor: Lifetime = { storage, bytes: 4000, first: 0, last: 1, conflicts: new Set() };
    expect(() => planMemory([tensor], { maxBindingBytes: 2048, maxBufferBytes: 4096 })).toThrow(
      "layer1.conv1 takes 4000 bytes; the device binds at most 2048",
    );
  });
});
