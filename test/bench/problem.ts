import { Random } from "../../src/random.ts";
import type { Problem, Weight } from "./contestant.ts";

/** One batch of random images, and initial weights, the same for every contestant. */
export function makeProblem(batch: number, learningRate: number): Problem {
  const [size, channels, classes] = [28, 3, 10];
  const weights = new Map<string, Weight>();
  const add = (name: string, shape: readonly number[], value?: number): void => {
    const random = new Random(1, name);
    const bound = 1 / Math.sqrt(shape.slice(1).reduce((product, extent) => product * extent, 1));
    const length = shape.reduce((product, extent) => product * extent, 1);
    const values = Float32Array.from({ length }, () => value ?? (2 * random.uniform() - 1) * bound);
    weights.set(name, { shape, values });
  };
  const norm = (name: string, width: number): void => {
    add(`${name}.weight`, [width], 1);
    add(`${name}.bias`, [width], 0);
  };
  const block = (name: string, from: number, to: number): void => {
    add(`${name}.conv1.weight`, [to, from, 3, 3]);
    norm(`${name}.bn1`, to);
    add(`${name}.conv2.weight`, [to, to, 3, 3]);
    norm(`${name}.bn2`, to);
    add(`${name}.downsample.0.weight`, [to, from, 1, 1]);
    norm(`${name}.downsample.1`, to);
  };
  add("conv1.weight", [16, channels, 3, 3]);
  add("conv1.bias", [16], 0);
  block("block1", 16, 32);
  add("conv2.weight", [64, 32, 3, 3]);
  add("conv2.bias", [64], 0);
  block("block2", 64, 128);
  add("fc.weight", [classes, 128 * (size / 4) ** 2]);
  add("fc.bias", [classes], 0);

  const random = new Random(1, "batch");
  const pixels = batch * size * size * channels;
  const images = Float32Array.from({ length: pixels }, () => 2 * random.uniform() - 1);
  const labels = Int32Array.from({ length: batch }, () => Math.floor(random.uniform() * classes));
  return { batch, size, channels, classes, learningRate, momentum: 0.9, images, labels, weights };
}
