import { describe, expect, it } from "vitest";
import type { Dispatch } from "../../../src/graph/op.ts";
import type { Storage } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { fusion, interleaved, type Model, resnet, sequential } from "../../../src/models/index.ts";
import { plan } from "../../../src/plan/plan.ts";
import { smallModels } from "../../support/models/models.ts";
import { programOf } from "../../support/models/programs.ts";

const limits = { maxBindingBytes: 2 ** 31, maxBufferBytes: 2 ** 31 };

/** One whose kernels need no temporaries, but for few parts of weight gradients: activations are what takes memory. */
const device: Capabilities = {
  features: ["subgroups"],
  software: true,
  tuned: ({ pass }) => (pass === "grad_weight" ? "8x16_quad_flat" : "8x16_quad_nested"),
};

const kept = (model: Model, batch: number) => programOf(model, batch, "train", { device });
const recomputed = (model: Model, batch: number) =>
  programOf(model, batch, "train", { device, memory: "recompute" });

const written = ({ kernel, bindings }: Dispatch): Storage[] =>
  kernel.bindings.flatMap(({ name, access }) => (access === "read" ? [] : [bindings[name]!.storage]));

describe("memory: recompute", () => {
  it.each<[string, Model, number, number]>([
    ["resnet50", resnet(50), 2, 0.4],
    ["resnet50", resnet(50), 8, 0.4],
    ["resnet152", resnet(152), 1, 0.2],
    ["sequential", sequential(), 1, 0.4],
    ["fusion", fusion(), 1, 0.45],
    ["interleaved", interleaved(), 16, 0.6],
  ])("makes the temporaries of %s smaller: batch %#", (_, model, batch, factor) => {
    const keep = plan(kept(model, batch), limits).report;
    const { report } = plan(recomputed(model, batch), limits);
    expect(report.peakBytes / keep.peakBytes).toBeLessThan(factor);
    expect(report.persistentBytes).toBeLessThan(1.001 * keep.persistentBytes);
  });

  describe.each(smallModels)("%s", (_, create) => {
    const keep = kept(create(), 2);
    const program = recomputed(create(), 2);
    const isAgain = ({ label }: Dispatch) => label.startsWith("again(");

    it("does all that it does otherwise, in the same order, and runs launches of before once more", () => {
      const names = (dispatches: readonly Dispatch[]) =>
        dispatches.map(
          ({ kernel, constants, label }) => `${kernel.name} ${JSON.stringify(constants)} ${label}`,
        );
      expect(names(program.dispatches.filter((d) => !isAgain(d)))).toEqual(names(keep.dispatches));
      const forward = new Set(names(keep.dispatches));
      const again = names(program.dispatches.filter(isAgain)).map((name) =>
        name.replace(/again\((.*)\)$/, "$1"),
      );
      expect(again.length).toBeGreaterThan(0);
      expect(new Set(again).size).toBe(again.length);
      for (const name of again) expect(forward).toContain(name);
    });

    it("updates no state twice, and runs nothing again that is not read", () => {
      const { dispatches } = program;
      dispatches.forEach((dispatch, i) => {
        if (!isAgain(dispatch)) return;
        const storages = written(dispatch);
        for (const { role, name } of storages) expect(role, name).toBe("temporary");
        const readers = dispatches
          .slice(i + 1)
          .filter(({ bindings }) =>
            Object.values(bindings).some(({ storage }) => storages.includes(storage)),
          );
        expect(readers.length, dispatch.label).toBeGreaterThan(0);
      });
    });

    it("reads nothing that has not been written", () => {
      const ready = new Set<Storage>();
      for (const dispatch of program.dispatches) {
        for (const { name, access } of dispatch.kernel.bindings) {
          const { storage } = dispatch.bindings[name]!;
          if (access === "read" && storage.role === "temporary")
            expect(ready, storage.name).toContain(storage);
        }
        for (const storage of written(dispatch)) ready.add(storage);
      }
    });
  });

  it("keeps all where nothing trains before the end", () => {
    const model = resnet(18, { inputShape: [64, 64, 3], frozen: ["conv1.*", "bn1.*", "layer*"] });
    const names = kept(model, 2).dispatches.map(({ label }) => label);
    expect(recomputed(model, 2).dispatches.map(({ label }) => label)).toEqual(names);
  });
});
