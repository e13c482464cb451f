import { readFileSync } from "node:fs";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { batchNorm, conv2d, dense, flatten, globalAvgPool, maxPool2d } from "../../../src/layers/index.ts";
import { basicBlock, inspect, type Model } from "../../../src/models/index.ts";
import type { WeightsTarget } from "../../../src/weights/load.ts";

/** The ResNet of fixtures/weights, optionally with another number of classes and a prefix before its names. */
export function tinyResnet({ classes = 5, prefix = "" } = {}): Model {
  return {
    name: "tiny resnet",
    inputShape: [16, 16, 3],
    classes,
    options: {},
    build(images) {
      const stem = { outChannels: 4, kernelSize: 7, stride: 2, padding: 3, bias: false };
      let x = conv2d(images, `${prefix}conv1`, stem);
      x = batchNorm(x, `${prefix}bn1`, { activation: "relu" });
      x = maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 });
      x = basicBlock(x, `${prefix}layer1.0`, { outChannels: 4 });
      x = basicBlock(x, `${prefix}layer2.0`, { outChannels: 6, stride: 2 });
      return dense(globalAvgPool(x), `${prefix}fc`, { outFeatures: classes });
    },
  };
}

/** The VGG of fixtures/weights. */
export const tinyVgg: Model = {
  name: "tiny vgg",
  inputShape: [2, 3, 3],
  classes: 2,
  options: {},
  build(images) {
    const conv = { kernelSize: 3, padding: 1, activation: "relu" } as const;
    let x = conv2d(images, "features.0", { ...conv, outChannels: 3 });
    x = flatten(conv2d(x, "features.2", { ...conv, outChannels: 4 }));
    x = dense(x, "classifier.0", { outFeatures: 5, activation: "relu" });
    x = dense(x, "classifier.3", { outFeatures: 6, activation: "relu" });
    return dense(x, "classifier.6", { outFeatures: 2 });
  },
};

/** Weights of a model held in memory; none until they are loaded. */
export function memoryTarget(
  model: Model,
): WeightsTarget & { readonly model: Model; readonly values: Map<string, Float32Array> } {
  const { parameters, states } = inspect(model);
  const values = new Map<string, Float32Array>();
  return {
    model,
    values,
    weights: [...parameters, ...states],
    variables: {
      write: ({ name }: Tensor, numbers) => void values.set(name, numbers),
      read: async (tensors) => tensors.map(({ name }) => values.get(name)!),
    },
  };
}

/** A file of fixtures/weights. */
export const weightsFixture = (name: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../fixtures/weights/${name}`, import.meta.url)));

interface Sums {
  /** Sums of the values, and of their products with 1, 2, 3, … */
  readonly sum: number;
  readonly dot: number;
}

/** NumPy's results for the fixtures and for f16 values. */
export const numpy = JSON.parse(new TextDecoder().decode(weightsFixture("expected.json"))) as {
  readonly resnet: Readonly<Record<string, Sums>>;
  readonly vgg: Readonly<Record<string, Sums>>;
  readonly halfBitsSum: number;
  readonly rounding: { readonly float: readonly number[]; readonly half: readonly number[] };
};

export const sumsOf = (values: Float32Array): Sums => ({
  sum: values.reduce((sum, value) => sum + value, 0),
  dot: values.reduce((sum, value, i) => sum + value * (i + 1), 0),
});
