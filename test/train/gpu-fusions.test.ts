/** Training with what spares a GPU memory traffic, on a device that is taken for a GPU, against training without. */
import { afterAll, expect, it } from "vitest";
import { freeze, resnet, sgd, Trainer, type TrainerOptions } from "webgraft";
import { Gpu } from "../../src/gpu/device.ts";
import { quarters } from "../support/data/quarters.ts";
import { testGpu } from "../support/run/gpu.ts";

/** The test's device, but for its name. */
const made = new Gpu((await testGpu()).device, { vendor: "made up" } as GPUAdapterInfo);
afterAll(() => made.destroy());

/** All convolutions by a kernel that software compiles fast, whatever the key of the task. */
const kernels = new Proxy<Record<string, string>>(
  {},
  { get: (_, task) => (String(task).startsWith("conv2d ") ? "4x4_workgroup_8x8" : undefined) },
);

const options: TrainerOptions = {
  gpu: made,
  model: resnet(20, { inputShape: [8, 8, 1], classes: 4, width: 8 }),
  optimizer: sgd({ lr: 0.02, momentum: 0.9 }),
  batchSize: 12,
  seed: 5,
  tune: "off",
  kernels,
};

/** Two epochs of a batch of 12 and one of 8. */
async function run(more: Partial<TrainerOptions>) {
  const trainer = await Trainer.create({ ...options, ...more });
  const { steps } = await trainer.fit(quarters(20), { epochs: 2, validation: quarters(8, 2) });
  const { loss } = await trainer.evaluate(quarters(8, 2));
  const launches = trainer.plan.dispatches.map(({ kernel }) => kernel.name).join(" ");
  const file = await trainer.checkpoint();
  await trainer.destroy();
  return { losses: [...steps.map((step) => step.loss), loss], file, launches };
}

const FUSED = /conv2d_forward_between.*conv2d_grad_weight_after.*conv2d_grad_input_sums/;

it.each<[string, Partial<TrainerOptions>]>([
  ["a ResNet", {}],
  ["micro-batches", { microBatches: 2 }],
  ["the first stages frozen", { frozen: freeze("conv1.*", "bn1.*", "layer1.*") }],
])("%s learns the same with and without", async (_, more) => {
  const fused = await run(more);
  const each = await run({ ...more, fuse: false });
  expect(fused.launches).toMatch(FUSED);
  expect(each.launches).not.toMatch(/between|after|sums_/);
  expect(fused.losses).toHaveLength(each.losses.length);
  fused.losses.forEach((loss, i) => {
    expect(Math.abs(loss - each.losses[i]!) / each.losses[i]!, `step ${i}`).toBeLessThan(5e-3);
  });
});

it("a ResNet learns the same bit for bit if activations are computed again", async () => {
  const keep = await run({});
  const recompute = await run({ memory: "recompute" });
  expect(recompute.launches).toMatch(FUSED);
  expect(recompute.losses).toEqual(keep.losses);
  expect(recompute.file).toEqual(keep.file);
});
