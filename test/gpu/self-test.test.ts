/** A driver that computes wrong is found by `selfTest`; what trainers then do: wrong-drivers.test.ts. */
import { afterEach, describe, expect, it } from "vitest";
import { type Gpu, openDevice, selfTest, type TuningTable } from "webgraft";
import { memoryStore } from "../support/models/tuning.ts";
import { miscompile, shifted } from "../support/run/wrong-driver.ts";

const opened: Gpu[] = [];
afterEach(() => {
  for (const gpu of opened.splice(0)) gpu.destroy();
});

async function device(open: () => Promise<Gpu>): Promise<Gpu> {
  const gpu = await open();
  opened.push(gpu);
  return gpu;
}

describe("selfTest", () => {
  it("finds every kernel right here, and remembers it", async () => {
    const gpu = await device(openDevice);
    const tables: TuningTable[] = [];
    const { right, wrong } = await selfTest(gpu, { store: memoryStore((table) => tables.push(table)) });
    expect(wrong).toEqual([]);
    for (const name of ["conv2d", "batch_norm", "max_pool2d", "cross_entropy", "adam", "sgd"]) {
      expect(right).toContain(name);
    }
    expect(right).toContain("conv2d grad_input winograd_4x4");
    expect(tables.at(-1)).toMatchObject({ tested: right, failed: {} });
  });

  it("bars kernels that compute wrong, in several passes at once, and one that does not run", async () => {
    const gpu = await device(openDevice);
    const tile = gpu.capabilities.features.includes("subgroups") ? "4x16_quad_flat" : "8x8_none_flat";
    miscompile(gpu, (name) => name.startsWith("conv2d_") && name.endsWith(`_${tile}`), shifted);
    miscompile(
      gpu,
      (name) => name === "max_pool2d_backward_halving",
      () => "it has no text",
    );
    const { right, wrong } = await selfTest(gpu, { store: memoryStore() });
    const passes = ["forward", "grad_input", "grad_weight"];
    const barred = wrong.map(({ kernel }) => kernel);
    for (const pass of passes) expect(barred).toContain(`conv2d ${pass} ${tile}`);
    expect(barred).toContain("max_pool2d backward halving");
    for (const { kernel, adapter, error } of wrong) {
      expect(kernel).toMatch(new RegExp(`^(conv2d|dense) .*${tile}|^max_pool2d backward halving$`));
      expect(right).not.toContain(kernel);
      expect(adapter).toBe(gpu.adapter);
      expect(error).toBeGreaterThan(1e-3);
    }
    const { failed } = gpu.tuning.export();
    for (const pass of passes) expect(failed[`conv2d ${pass}`]).toContain(tile);
    expect(failed["max_pool2d backward"]).toEqual(["halving"]);
    for (const op of ["conv2d", "dense", "max_pool2d"]) expect(right).toContain(op);
  });
});
