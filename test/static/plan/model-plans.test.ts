import { describe, expect, it } from "vitest";
import { type Plan, plan } from "../../../src/plan/plan.ts";
import { smallModels } from "../../support/models/models.ts";
import { programOf } from "../../support/models/programs.ts";

/** [first byte, end) that each binding of a dispatch takes in a slab. */
function slabRanges({ dispatches, memory }: Plan, index: number) {
  const { kernel, bindings } = dispatches[index]!;
  return kernel.bindings.flatMap(({ name, access }) => {
    const { storage } = bindings[name]!;
    const at = memory.placements.get(storage);
    return at
      ? [{ storage, access, slab: at.slab, begin: at.offset, end: at.offset + storage.length * 4 }]
      : [];
  });
}

describe.each(smallModels)("plan of %s", (_, create) => {
  const plans = new Map<string, Plan>();
  const planOf = (mode: "train" | "eval", batch: number): Plan => {
    const key = `${mode} ${batch}`;
    const planned = plans.get(key) ?? plan(programOf(create(), batch, mode));
    plans.set(key, planned);
    return planned;
  };

  it.each([
    ["train", 1],
    ["train", 8],
    ["train", 32],
    ["train", 128],
    ["eval", 1],
    ["eval", 32],
  ] as const)("to %s at batch %i binds a slab to read or to write in one dispatch", (mode, batch) => {
    const planned = planOf(mode, batch);
    planned.dispatches.forEach((dispatch, i) => {
      const ranges = slabRanges(planned, i);
      for (const [n, a] of ranges.entries()) {
        for (const b of ranges.slice(0, n)) {
          if (a.slab !== b.slab) continue;
          expect(a.access, `${dispatch.label}: ${a.storage.name}, ${b.storage.name}`).toBe(b.access);
          // Only what is read may be bound twice.
          if (a.storage === b.storage) expect(a.access).toBe("read");
          else expect(a.begin >= b.end || b.begin >= a.end).toBe(true);
        }
      }
    });
  });

  it.each([
    ["train", 1],
    ["train", 32],
    ["train", 128],
    ["eval", 1],
    ["eval", 32],
  ] as const)("to %s at batch %i needs at most 1.14 × the lower bound", (mode, batch) => {
    const { peakBytes, lowerBoundBytes, unsharedBytes } = planOf(mode, batch).report;
    expect(peakBytes).toBeGreaterThanOrEqual(lowerBoundBytes);
    // These models are so small that what the multiples of 256 bytes leave empty counts.
    expect(peakBytes / lowerBoundBytes).toBeLessThanOrEqual(1.14);
    expect(peakBytes).toBeLessThan(0.72 * unsharedBytes);
  });
});
