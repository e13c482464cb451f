/** A driver that computes wrong is found by a trainer, which takes other kernels, or refuses to train. */
import { afterEach, describe, expect, it } from "vitest";
import {
  adamw,
  conv2d,
  DeviceError,
  dense,
  type Gpu,
  globalAvgPool,
  type Model,
  maxPool2d,
  Trainer,
  type TrainerOptions,
} from "webgraft";
import { Graph } from "../../src/graph/graph.ts";
import { fusionsFor } from "../../src/ops/fusions.ts";
import { checkFusions } from "../../src/run/self-test/check-fusions.ts";
import { quarters } from "../support/data/quarters.ts";
import { memoryStore } from "../support/models/tuning.ts";
import { realGpu } from "../support/run/gpu.ts";
import { miscompile, shifted } from "../support/run/wrong-driver.ts";

const data = quarters(8);
const model: Model = {
  ...{ name: "small", inputShape: [8, 8, 1], classes: 4, options: {} },
  build(images) {
    const x = conv2d(images, "conv", { outChannels: 8, kernelSize: 3, stride: 2, padding: 1 });
    const y = maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 });
    return dense(globalAvgPool(y), "fc", { outFeatures: 4 });
  },
};

const opened: Gpu[] = [];
afterEach(() => {
  for (const gpu of opened.splice(0)) gpu.destroy();
});

async function real(): Promise<Gpu> {
  const gpu = await realGpu("of a wrong driver");
  opened.push(gpu);
  return gpu;
}
const create = (gpu: Gpu, options: Partial<TrainerOptions> = {}): Promise<Trainer> =>
  Trainer.create({ gpu, model, optimizer: adamw({ lr: 0.01 }), batchSize: 4, ...options });

async function losses(trainer: Trainer): Promise<number[]> {
  const { steps } = await trainer.fit(data, { epochs: 3 });
  return steps.map(({ loss }) => loss);
}

const gradWeights = ({ plan }: Trainer): string[] =>
  plan.dispatches.map(({ kernel }) => kernel.name).filter((name) => name.startsWith("conv2d_grad_weight"));

describe("on a real GPU, a trainer", () => {
  it("avoids kernels that compute wrong, and tests them once", async () => {
    const sane = await create(await real(), { tune: "off" });
    const expected = await losses(sane);
    const kernels = gradWeights(sane);

    const broken = await real();
    miscompile(broken, (name) => kernels.includes(name), shifted);
    const unaware = await create(broken, { tune: "off" });
    const wrong = await losses(unaware);
    expect(wrong).not.toEqual(expected);
    expect(wrong.every((loss, i) => Math.abs(loss - expected[i]!) < 1e-4)).toBe(false);

    let writes = 0;
    const store = memoryStore(() => writes++);
    const aware = await create(broken, { tune: "cached", tuning: { store } });
    expect(gradWeights(aware).some((name) => kernels.includes(name))).toBe(false);
    for (const [i, loss] of (await losses(aware)).entries()) expect(loss).toBeCloseTo(expected[i]!, 4);
    expect(writes).toBe(1);

    // After another start, the table tells.
    const reopened = await real();
    const spoilt = miscompile(reopened, (name) => kernels.includes(name), shifted);
    const later = await create(reopened, { tune: "cached", tuning: { store } });
    expect(gradWeights(later)).toEqual(gradWeights(aware));
    expect(spoilt.count).toBe(0);
    expect(writes).toBe(1);
  });

  it("refuses to train where no kernel is right, unless told not to test", async () => {
    const tuning = { store: memoryStore() };
    const gradients = await real();
    miscompile(
      gradients,
      (name) => name.startsWith("max_pool2d_backward"),
      (wgsl) => wgsl.replaceAll("dy[", "-dy["),
    );
    const refusal = await create(gradients, { tuning }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DeviceError);
    expect((refusal as Error).message).toMatch(
      /^self-test: test of a wrong driver computes wrong results in max_pool2d \/ .* \/ backward \w+: dx \(relative error \d\.\d+\)/,
    );
    await losses(await create(gradients, { tune: "off" }));

    const updates = await real();
    miscompile(
      updates,
      (name) => name === "adam",
      (wgsl) => wgsl.replace("sqrt(", "("),
    );
    await expect(create(updates, { tuning: { store: memoryStore() } })).rejects.toThrow(
      /in adam \(relative error/,
    );
  });
});

describe("nodes that do a part of each other's work", () => {
  const tile = "4x4_workgroup_8x8"; // which software compiles fast
  const choice = { forward: tile, grad_input: tile, grad_weight: tile };

  it("compute what each computes alone, and are not checked again", async () => {
    const gpu = await real();
    expect(await checkFusions(gpu, [choice], false)).toBeUndefined();
    const [tested] = gpu.tuning.tested;
    expect(tested).toBe(`training fusions forward ${tile} grad_input ${tile} grad_weight ${tile}`);
    const spoilt = miscompile(gpu, () => true, shifted);
    expect(await checkFusions(gpu, [choice], false)).toBeUndefined();
    expect(spoilt.count).toBe(0);
  });

  it("work alone where a gradient comes out wrong", async () => {
    const gpu = await real();
    expect(fusionsFor(new Graph({ mode: "train", device: gpu.capabilities }))).not.toEqual([]);
    const spoilt = miscompile(gpu, (name) => name.startsWith("conv2d_grad_weight_after"), shifted);
    const wrong = await checkFusions(gpu, [choice], false);
    expect(spoilt.count).toBeGreaterThan(0);
    expect(wrong).toMatchObject({
      kernel: expect.stringContaining("training fusions"),
      adapter: gpu.adapter,
    });
    expect(wrong!.error).toBeGreaterThan(1e-2);
    expect(gpu.tuning.export().failed).toEqual({ "training fusions": ["all"] });
    expect(fusionsFor(new Graph({ mode: "train", device: gpu.capabilities }))).toEqual([]);
  });
});
