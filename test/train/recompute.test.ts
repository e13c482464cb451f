import { describe, expect, it } from "vitest";
import {
  activation,
  add,
  average,
  batchNorm,
  concat,
  conv2d,
  dense,
  dropout,
  flatten,
  interleaved,
  type Model,
  maxPool2d,
  resnet,
  sgd,
  Trainer,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

const size = { inputShape: [8, 8, 1], classes: 4 } as const;

/** Layers of all kinds, with dropout between them. */
const plain: Model = {
  ...{ name: "plain", ...size, options: {} },
  build(images) {
    let x = conv2d(images, "a", { outChannels: 6, kernelSize: 3, padding: 1, activation: "relu" });
    x = dropout(x, "drop1", 0.2);
    x = activation(batchNorm(conv2d(x, "b", { outChannels: 6, kernelSize: 3, padding: 1 }), "bn"), "gelu");
    x = dropout(concat(x, average(x, conv2d(x, "c", { outChannels: 6, kernelSize: 1 }))), "drop2", 0.3);
    x = maxPool2d(x, { kernelSize: 2 });
    x = add(x, conv2d(x, "d", { outChannels: 12, kernelSize: 3, padding: 1, groups: 2 }));
    return dense(dropout(flatten(x), "drop3", 0.3), "fc", { outFeatures: 4 });
  },
};

/** Losses and all that a checkpoint holds after two epochs, the last batch of which is smaller. */
async function run(model: Model, memory: "keep" | "recompute") {
  const trainer = await Trainer.create({
    gpu: await testGpu(),
    model,
    memory,
    optimizer: sgd({ lr: 0.05, momentum: 0.9 }),
    batchSize: 8,
    seed: 5,
    augment: { crop: 1, flip: 0.5 },
  });
  const { steps } = await trainer.fit(quarters(20), { epochs: 2 });
  const dispatches = trainer.plan.dispatches.length;
  const file = await trainer.checkpoint();
  await trainer.destroy();
  return { losses: steps.map(({ loss }) => loss), file, dispatches };
}

describe("memory: recompute", () => {
  it.each<[string, () => Model]>([
    ["interleaved", () => interleaved({ ...size, widths: [4, 8, 8, 12] })],
    ["resnet20", () => resnet(20, { ...size, width: 4 })],
    ["a plain net with dropout", () => plain],
  ])("gives the same losses, weights and running statistics bit for bit: %s", async (_, model) => {
    const keep = await run(model(), "keep");
    const recompute = await run(model(), "recompute");
    expect(recompute.dispatches).toBeGreaterThan(keep.dispatches);
    expect(recompute.losses).toEqual(keep.losses);
    expect(recompute.file).toEqual(keep.file);
  });
});
