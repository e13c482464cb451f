import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDataset, fusion, Gpu, type Model, Random, sequential, sgd, Trainer } from "webgraft";

const STEPS = 2;

/**
 * The topologies as their source has them: ResNet-50 and VGG-16 on images of 224×224, on a device with no more than
 * WebGPU's default limits, which is what any device has.
 */
describe("full-size topologies within WebGPU's default limits", () => {
  let gpu: Gpu;

  beforeAll(async () => {
    const adapter = await navigator.gpu.requestAdapter();
    const wanted: readonly GPUFeatureName[] = ["subgroups"];
    const requiredFeatures = wanted.filter((feature) => adapter!.features.has(feature));
    gpu = new Gpu(await adapter!.requestDevice({ requiredFeatures }), adapter!.info);
    expect(gpu.limits).toEqual({ maxBindingBytes: 128 * 2 ** 20, maxBufferBytes: 256 * 2 ** 20 });
  });
  afterAll(() => gpu?.destroy());

  it.each([
    ["sequential", () => sequential({ backbone: "resnet50" }), 2],
    ["fusion", () => fusion(), 1],
  ] as const)("%s: the loss falls after a step", async (name, create, batchSize) => {
    const trainer = await Trainer.create({
      gpu,
      model: create(),
      optimizer: sgd({ lr: 1e-3, momentum: 0.9 }),
      batchSize,
      seed: 1,
    });
    const { steps } = await trainer.fit(noise(trainer.model, batchSize), { epochs: STEPS });
    const { report } = trainer.plan;
    await trainer.destroy();
    const losses = steps.map(({ loss }) => loss);
    const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
    console.log(
      `${name}, batch ${batchSize}: losses ${losses.map((loss) => loss.toFixed(4)).join(" ")}; temporaries ` +
        `${mib(report.peakBytes)} (lower bound ${mib(report.lowerBoundBytes)}, without sharing ` +
        `${mib(report.unsharedBytes)}), all else ${mib(report.persistentBytes)}`,
    );
    expect(losses).toHaveLength(STEPS);
    expect(losses.every(Number.isFinite), losses.join(", ")).toBe(true);
    expect(losses.at(-1), losses.join(", ")).toBeLessThan(losses[0]!);
    expect(report.peakBytes).toBeLessThan(1.1 * report.lowerBoundBytes);
  });
});

/** One batch, which each step sees. */
function noise({ inputShape: shape, classes }: Model, length: number) {
  const random = new Random(5, "noise");
  return createDataset({
    name: "noise",
    shape,
    classes: Array.from({ length: classes }, (_, i) => `${i}`),
    images: Float32Array.from({ length: length * shape[0] * shape[1] * shape[2] }, () => random.normal()),
    labels: Int32Array.from({ length }, (_, i) => i),
  });
}
