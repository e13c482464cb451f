import { describe, expect, it } from "vitest";
import { type Plan, plan } from "../../src/plan/plan.ts";
import { smallModels } from "../support/models.ts";
import { programOf } from "../support/programs.ts";

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

describe.each(smallModels)("plan of %s", (name, create) => {
  it.each([1, 8, 32, 128])("at batch %i never reads and writes a slab in one dispatch", (batch) => {
    const planned = plan(programOf(create(), batch, "train"));
    planned.dispatches.forEach((dispatch, i) => {
      const ranges = slabRanges(planned, i);
      for (const a of ranges) {
        for (const b of ranges) {
          if (a.slab !== b.slab || a.storage === b.storage) continue;
          expect(a.access, `${dispatch.label}: ${a.storage.name}, ${b.storage.name}`).toBe(b.access);
          expect(a.begin >= b.end || b.begin >= a.end).toBe(true);
        }
      }
    });
  });

  // Of a VGG little is kept for the backward pass besides what a launch reads and writes, which take slabs apart.
  const ratio = name === "vgg" ? 1.33 : 1.151;
  it.each([1, 32, 128])(`at batch %i needs at most ${ratio} × the lower bound`, (batch) => {
    const { peakBytes, lowerBoundBytes, unsharedBytes } = plan(programOf(create(), batch, "train")).report;
    expect(peakBytes).toBeGreaterThanOrEqual(lowerBoundBytes);
    expect(peakBytes / lowerBoundBytes).toBeLessThanOrEqual(ratio);
    expect(peakBytes).toBeLessThan(0.7 * unsharedBytes);
  });
});
