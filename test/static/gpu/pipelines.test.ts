import { describe, expect, it } from "vitest";
import { argsBytes, compiledConstants, packArgs } from "../../../src/kernel/args.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { createModel, type Model, resnet } from "../../../src/models/index.ts";
import { programOf } from "../../support/models/programs.ts";

const CPU: Capabilities = { features: ["subgroups"], software: true };
const GPU: Capabilities = { features: ["subgroups"] };

/** Pipelines that a training step needs. */
function pipelinesOf(model: Model, batch: number, device: Capabilities): ReadonlySet<string> {
  const { dispatches } = programOf(model, batch, "train", { device });
  return new Set(
    dispatches.map(
      ({ kernel, constants }) => kernel.name + JSON.stringify(compiledConstants(kernel, constants)),
    ),
  );
}

describe("the pipelines of a training step", () => {
  it.each([
    ["a CPU", CPU, 32],
    ["a GPU", GPU, 40],
  ])("are few, for layers share them, on %s", (_, device, most) => {
    expect(pipelinesOf(createModel("interleaved"), 32, device).size).toBeLessThanOrEqual(most);
    expect(pipelinesOf(resnet(50), 8, device).size).toBeLessThanOrEqual(most + 11);
  });

  it("serve batches of other sizes too, in convolutions and batch norm", () => {
    const model = createModel("interleaved");
    const known = pipelinesOf(model, 256, CPU);
    const others = [...pipelinesOf(model, 320, CPU)].filter((key) =>
      /^(conv2d|batch_norm|split_sum)/.test(key),
    );
    expect(others.length).toBeGreaterThan(10);
    expect(others.filter((key) => !known.has(key))).toEqual([]);
  });
});

describe("the args of a kernel", () => {
  it("are packed field after field, as WGSL reads scalars", () => {
    const kernel = { args: { N: "u32", EPS: "f32", C: "u32" } } as unknown as Kernel;
    expect(argsBytes(kernel)).toBe(12);
    const view = new DataView(new ArrayBuffer(12));
    packArgs(kernel, { C: 2 ** 32 - 1, EPS: 0.5, N: 7, ACTIVATION: 1 }, view);
    expect([view.getUint32(0, true), view.getFloat32(4, true), view.getUint32(8, true)]).toEqual([
      7,
      0.5,
      2 ** 32 - 1,
    ]);
  });

  it("have no name that a constant has", () => {
    const kernels: readonly Kernel[] = Object.values(shaders);
    const twice = kernels.filter(({ args, constants }) =>
      Object.keys(args).some((name) => name in constants),
    );
    expect(twice.map(({ name }) => name)).toEqual([]);
  });
});
