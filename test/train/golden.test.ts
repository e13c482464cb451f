import { expect, it } from "vitest";
import { adamw, createDataset, createModel, openDevice, Random, sgd, Trainer } from "webgraft";

const gpu = await openDevice();
const half = gpu.device.features.has("shader-f16");
const CASES: [string, string, Record<string, unknown>, number, number, Record<string, unknown>][] = [
  ["interleaved", "interleaved", { inputShape: [28, 28, 3], classes: 10 }, 16, 5, {}],
  ["interleaved-micro", "interleaved", { inputShape: [28, 28, 1], classes: 10 }, 8, 4, { microBatches: 2 }],
  ["interleaved-recompute", "interleaved", { inputShape: [28, 28, 1], classes: 10 }, 8, 4, { memory: "recompute" }],
  ["resnet18", "resnet", { backbone: "resnet18", inputShape: [32, 32, 3], classes: 10 }, 4, 3, {}],
  ["fusion", "fusion", { inputShape: [32, 32, 3], classes: 10 }, 4, 3, {}],
  ["convnet", "convnet", { inputShape: [28, 28, 1], classes: 10 }, 7, 3, {}],
  ["features", "features", { inputShape: [32, 32, 3], classes: 10 }, 4, 2, {}],
  ...(half ? [["mixed", "interleaved", { inputShape: [28, 28, 1], classes: 10 }, 8, 4, { precision: "mixed" }]] as never : []),
];
for (const [name, topology, options, batch, steps, more] of CASES) {
  it(name, async () => {
    const model = createModel(topology, options as never);
    const shape = options.inputShape as [number, number, number];
    const random = new Random(3, "images");
    const length = batch * steps;
    const images = Float32Array.from({ length: length * shape[0] * shape[1] * shape[2] }, () => random.uniform());
    const labels = Int32Array.from({ length }, (_, i) => (i * 7) % 10);
    const classes = Array.from({ length: 10 }, (_, i) => `c${i}`);
    const data = createDataset({ name: "golden", shape, classes, images, labels } as never);
    const trainer = await Trainer.create({ gpu, model, optimizer: name === "convnet" ? sgd({ lr: 0.01, momentum: 0.9 }) : adamw({ lr: 1e-3 }), batchSize: batch, seed: 5, tune: "off", ...more } as never);
    const { steps: infos } = await trainer.fit(data, { epochs: 1 });
    const bits = infos.map(({ loss }) => new Uint32Array(Float32Array.of(loss).buffer)[0]!.toString(16));
    const values = await trainer.variables.read(trainer.saved.map(({ tensor }) => tensor));
    let hash = 2166136261;
    for (const v of values) for (const w of new Uint32Array(v.buffer, v.byteOffset, v.length)) hash = Math.imul(hash ^ w, 16777619) >>> 0;
    const { plan } = trainer;
    console.log(`GOLDEN ${name} ${bits.join(" ")} weights ${hash.toString(16)} dispatches ${plan.dispatches.length} ${JSON.stringify(plan.report)} groups ${plan.dispatches.reduce((s, d) => (Math.imul(s, 31) + d.workgroups[0] * 7 + d.workgroups[1]) >>> 0, 0)}`);
    await trainer.destroy();
    expect(infos.length).toBe(steps);
  });
}
