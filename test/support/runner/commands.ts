/** Commands that browser tests run in Node, through `commands` of "vitest/browser"; their types are in virtual.d.ts. */
import { fileURLToPath } from "node:url";
import type { BrowserCommand } from "vitest/node";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { createModel } from "../../../src/models/topologies/topologies.ts";
import { someImages } from "../data/images.ts";
import { seededWeights } from "../data/seeded.ts";
import { runOnnx } from "../models/onnx.ts";

type Shape = [N: number, H: number, W: number, C: number];

/** ONNX Runtime's outputs for `someImages` and a file of fixtures, such as `onnx/vgg`, with what lies beside it. */
const runOnnxFixture: BrowserCommand<[name: string, shape: Shape]> = async (_, name, shape) => {
  const file = fileURLToPath(new URL(`../fixtures/${name}.onnx`, import.meta.url));
  return [...(await runOnnx(file, someImages(shape), shape))];
};

/** The same for the bytes of a file, in base64. */
const runOnnxBytes: BrowserCommand<[file: string, shape: Shape]> = async (_, file, shape) => [
  ...(await runOnnx(Buffer.from(file, "base64"), someImages(shape), shape)),
];

/** ONNX Runtime's outputs for `someImages` and an exported topology with `seededWeights`. */
const runExported: BrowserCommand<
  [topology: string, options: Record<string, unknown>, seed: number, batch: number]
> = async (_, topology, options, seed, batch) => {
  const model = createModel(topology, options);
  const shape: Shape = [batch, ...model.inputShape];
  return [...(await runOnnx(exportOnnx(model, seededWeights(model, seed)), someImages(shape), shape))];
};

export const commands = { runOnnxFixture, runOnnxBytes, runExported };
