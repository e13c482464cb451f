/** Layers that are written in another form than they have here: in ONNX Runtime they give what the formula gives. */
import { describe, expect, it } from "vitest";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { convTranspose2d, globalMaxPool, groupNorm, layerNorm } from "../../../src/layers/index.ts";
import { inspect, type Model } from "../../../src/models/model.ts";
import { fromFile } from "../../../src/weights/layout.ts";
import { relativeError, someImages } from "../../support/data/images.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { runOnnx } from "../../support/models/onnx.ts";
import * as reference from "../../support/reference/conv.ts";
import { groupNorm as groupNormOf, layerNorm as layerNormOf } from "../../support/reference/group-norm.ts";
import type { NdArray } from "../../support/reference/ndarray.ts";

const transposed = {
  ...({ stride: [2, 1], padding: [0, 1, 1, 0], dilation: [1, 2], outputPadding: [1, 0], groups: 2 } as const),
};

describe("exportOnnx", () => {
  it.each<[string, (x: Tensor) => Tensor, (x: NdArray, w: NdArray, b: NdArray) => NdArray]>([
    [
      "a transposed convolution",
      (x) => convTranspose2d(x, "l", { ...transposed, outChannels: 6, kernelSize: [3, 2] }),
      (x, w, b) => reference.convTranspose2d(x, w, b, transposed),
    ],
    [
      "a group norm",
      (x) => groupNorm(x, "l", { numGroups: 2, eps: 1e-3 }),
      (x, w, b) => groupNormOf(x, w, b, { groups: 2, eps: 1e-3 }),
    ],
    ["a layer norm", (x) => layerNorm(x, "l", { eps: 1e-3 }), (x, w, b) => layerNormOf(x, w, b, 1e-3)],
  ])("writes %s", async (_, layer, formula) => {
    const build = (images: Tensor): Tensor => globalMaxPool(layer(images));
    const model: Model = { name: "one", inputShape: [4, 5, 4], classes: 4, options: {}, build };
    const weights = seededWeights(model, 3);
    // Norms begin with ones and zeros, which say little.
    for (const { shape, data } of weights.values())
      if (shape.length === 1) for (const i of data.keys()) data[i]! += 0.1 * i;
    const ours = inspect(model).parameters.map((variable) => ({
      shape: [...variable.tensor.shape],
      data: Float64Array.from(fromFile(variable, weights.get(variable.name)!.data)),
    }));
    const shape = [2, ...model.inputShape] as const;
    const images = someImages(shape);
    const [w, b] = ours;
    const y = formula({ shape: [...shape], data: Float64Array.from(images) }, w!, b!);
    const K = y.shape.at(-1)!;
    const largest = new Float64Array(2 * K).fill(Number.NEGATIVE_INFINITY);
    y.data.forEach((value, i) => {
      const place = Math.floor(i / (y.data.length / 2)) * K + (i % K);
      largest[place] = Math.max(largest[place]!, value);
    });
    expect(relativeError(await runOnnx(exportOnnx(model, weights), images, shape), largest)).toBeLessThan(
      1e-6,
    );
  });
});
