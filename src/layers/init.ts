/** Initial values of weights. A convolution's weight is (R, S, C, K), a dense layer's (C, K). */
import { ShapeError } from "../base/errors.ts";
import type { Initializer } from "../graph/graph.ts";

const count = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** The same value for every element. */
export const filled =
  (value: number): Initializer =>
  (shape) =>
    new Float32Array(count(shape)).fill(value);

/** All zeros. */
export const zeros: Initializer = filled(0);
/** All ones. */
export const ones: Initializer = filled(1);

/** How many inputs make up an output of a layer, and how many outputs an input contributes to. */
export function fans(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length < 2) {
    throw new ShapeError("init", "expects a (C, K) or (R, S, C, K) weight", `(${shape.join(", ")})`);
  }
  const [C, K] = shape.slice(-2) as [number, number];
  const taps = count(shape.slice(0, -2));
  return { fanIn: taps * C, fanOut: taps * K };
}

function fill(shape: readonly number[], draw: () => number): Float32Array {
  const values = new Float32Array(count(shape));
  for (let i = 0; i < values.length; i++) values[i] = draw();
  return values;
}

/** Normal with mean 0 and this standard deviation. */
export const normal =
  (deviation: number): Initializer =>
  (shape, random) =>
    fill(shape, () => deviation * random.normal());

/** Uniform in [−bound, bound). */
export const uniform =
  (bound: number): Initializer =>
  (shape, random) =>
    fill(shape, () => bound * (2 * random.uniform() - 1));

/** The fan to keep the variance of activations (`in`) or of gradients (`out`, as in torchvision's ResNets). */
export type Fan = "in" | "out";

const fanOf = (shape: readonly number[], fan: Fan): number => fans(shape)[fan === "in" ? "fanIn" : "fanOut"];

/** Normal with variance 2 / fan, for ReLU. He et al., "Delving Deep into Rectifiers", 2015. */
export const heNormal =
  (fan: Fan = "in"): Initializer =>
  (shape, random) =>
    normal(Math.sqrt(2 / fanOf(shape, fan)))(shape, random);

/** Uniform with variance 2 / fan, for ReLU. He et al. 2015. */
export const heUniform =
  (fan: Fan = "in"): Initializer =>
  (shape, random) =>
    uniform(Math.sqrt(6 / fanOf(shape, fan)))(shape, random);

/** Normal with variance 2 / (fan in + fan out). Glorot and Bengio 2010. */
export const xavierNormal = (): Initializer => (shape, random) => {
  const { fanIn, fanOut } = fans(shape);
  return normal(Math.sqrt(2 / (fanIn + fanOut)))(shape, random);
};

/**
 * Uniform with variance 2 / (fan in + fan out). Glorot and Bengio, "Understanding the Difficulty of Training
 * Deep Feedforward Neural Networks", 2010.
 */
export const xavierUniform = (): Initializer => (shape, random) => {
  const { fanIn, fanOut } = fans(shape);
  return uniform(Math.sqrt(6 / (fanIn + fanOut)))(shape, random);
};

/** torch's default for the weights of convolutions and linear layers: uniform in ±1/√fan in. */
export const torchWeight = (): Initializer => (shape, random) =>
  uniform(1 / Math.sqrt(fans(shape).fanIn))(shape, random);

/** torch's default for the biases of a layer whose weight has this fan in: uniform in ±1/√fan in. */
export const torchBias = (fanIn: number): Initializer => uniform(1 / Math.sqrt(fanIn));
