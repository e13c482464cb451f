/** Tiny networks that are no classifiers of images, and data for them. */
import {
  batchNorm,
  concat,
  conv2d,
  crossEntropy,
  dense,
  flatten,
  globalAvgPool,
  l1Loss,
  type Network,
  Random,
  reuse,
  sumLosses,
  type Tensor,
  tanh,
} from "webgraft";

export type Named = Readonly<Record<string, Tensor>>;

/** Numbers in [−1, 1). */
export function noise(length: number, name: string): Float32Array<ArrayBuffer> {
  const random = new Random(9, name);
  return Float32Array.from({ length }, () => 2 * random.uniform() - 1);
}

/** Two numbers of three, without anything random. */
export const regression: Network = {
  name: "regression",
  inputs: { x: [3] },
  targets: { y: [2] },
  build: ({ x }: Named) => {
    const hidden = dense(x!, "hidden", { outFeatures: 5, activation: "tanh" });
    return { y: dense(hidden, "out", { outFeatures: 2 }) };
  },
};

export function regressionData(length: number, name = "data") {
  const x = noise(3 * length, `x of ${name}`);
  const y = Float32Array.from({ length: 2 * length }, (_, i) => {
    const [a, b, c] = x.subarray(3 * (i >> 1), 3 * (i >> 1) + 3) as unknown as [number, number, number];
    return i % 2 === 0 ? a * b - 0.5 * c : Math.sin(2 * a) + 0.3;
  });
  return { x, y };
}

/** An image and three facts in; a class and a number without an axis of its own out. */
export const twoOfTwo: Network = {
  name: "two of two",
  inputs: { image: [4, 4, 2], facts: [3] },
  targets: { kind: { shape: [], dtype: "i32" }, size: [1] },
  build: ({ image, facts }: Named) => {
    const conv = conv2d(image!, "conv", { outChannels: 6, kernelSize: 3, padding: 1, activation: "relu" });
    const both = tanh(dense(concat(globalAvgPool(conv), facts!), "both", { outFeatures: 8 }));
    return {
      kind: dense(both, "kind", { outFeatures: 3 }),
      size: dense(both, "size", { outFeatures: 1 }),
    };
  },
};

export const twoOfTwoLoss = (outputs: Named, targets: Named): Tensor =>
  sumLosses([crossEntropy(outputs.kind!, targets.kind!), l1Loss(outputs.size!, targets.size!)], [1, 0.25]);

export function twoOfTwoData(length: number) {
  const image = noise(32 * length, "image");
  const facts = noise(3 * length, "facts");
  return {
    ...{ image, facts },
    kind: Int32Array.from({ length }, (_, i) => (facts[3 * i]! > 0.3 ? 2 : Number(facts[3 * i + 1]! > 0))),
    size: Float32Array.from({ length }, (_, i) => facts[3 * i + 2]! + image[32 * i]!),
  };
}

const embed = (x: Tensor): Tensor => {
  const conv = conv2d(x, "conv", { outChannels: 4, kernelSize: 3, padding: 1, bias: false });
  return dense(flatten(batchNorm(conv, "bn", { activation: "tanh" })), "embedding", { outFeatures: 3 });
};

/** Two images through the same layers; how alike they are. */
export const siamese: Network = {
  name: "siamese",
  inputs: { left: [3, 3, 1], right: [3, 3, 1] },
  targets: { alike: [1] },
  build: ({ left, right }: Named) => {
    const a = embed(left!);
    const b = reuse(right!, embed);
    return { alike: dense(concat(a, b), "alike", { outFeatures: 1 }) };
  },
};

export function siameseData(length: number) {
  const left = noise(9 * length, "left");
  const right = noise(9 * length, "right");
  const alike = Float32Array.from({ length }, (_, i) => left[9 * i]! * right[9 * i + 4]!);
  return { left, right, alike };
}
