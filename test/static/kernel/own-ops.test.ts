/** The ops of demo/examples/own-ops/ with activations in f16, through Chrome's shader compiler without a GPU. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { create } from "webgpu";
import { conv2d, dense, globalAvgPool, type Model, type Tensor } from "webgraft";
import { squeezeExcite } from "../../../demo/examples/own-ops/channel-scale.ts";
import { groupNorm } from "../../../demo/examples/own-ops/group-norm.ts";
import { hardSwish } from "../../../demo/examples/own-ops/hard-swish.ts";
import { upsample } from "../../../demo/examples/own-ops/upsample.ts";
import { Pipelines } from "../../../src/gpu/pipelines.ts";
import { programOf } from "../../support/models/programs.ts";

/** Whatever is made of it dies with it, so it is kept. */
const gpu = create(["backend=null"]);
let device: GPUDevice;
beforeAll(async () => {
  device = await (await gpu.requestAdapter())!.requestDevice({ requiredFeatures: ["shader-f16"] });
});
afterAll(() => device.destroy());

/** Own layers and how many kernels of theirs hold f16, forward and backward. */
const layers: [string, (x: Tensor) => Tensor, RegExp, number][] = [
  ["hard-swish", hardSwish, /^hard_swish/, 2],
  ["squeeze-and-excitation", (x) => squeezeExcite(x, "se"), /^channel_scale/, 3],
  ["upsampling", (x) => upsample(x), /^upsample/, 2],
  ["group norm", (x) => groupNorm(x, "norm", 2), /^group_norm/, 6],
];

it.each(layers)("%s takes part in mixed precision", async (_, layer, names, launches) => {
  const model: Model = {
    ...{ name: "own", inputShape: [6, 6, 3], classes: 2, options: {} },
    build: (x) => {
      const y = layer(conv2d(x, "conv", { outChannels: 6, kernelSize: 3 }));
      return dense(globalAvgPool(conv2d(y, "conv2", { outChannels: 4, kernelSize: 1 })), "fc", {
        outFeatures: 2,
      });
    },
  };
  const given = { device: { features: ["shader-f16"] }, precision: "mixed" } as const;
  const { dispatches } = programOf(model, 2, "train", given);
  const own = dispatches.filter(({ kernel }) => names.test(kernel.name));
  expect(own.filter(({ kernel }) => kernel.name.includes("_half_"))).toHaveLength(launches);
  await new Pipelines({ device, check() {} }).compileAll(own);
});
