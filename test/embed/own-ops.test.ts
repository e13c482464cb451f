/** The ops of demo/examples/own-ops/: their gradients by the check that apps have, and networks that learn with them. */
import { describe, expect, it } from "vitest";
import {
  adamw,
  type BackwardEmitter,
  conv2d,
  createDataset,
  dense,
  GradientError,
  type GradientRule,
  globalAvgPool,
  type Model,
  maxPool2d,
  type Op,
  ShapeError,
  type Tensor,
  Trainer,
} from "webgraft";
import { type Arrays, checkGradients, type NdArray } from "webgraft/testing";
import { channelScaleOp, squeezeExcite } from "../../demo/examples/own-ops/channel-scale.ts";
import { groupNorm, groupNormOp } from "../../demo/examples/own-ops/group-norm.ts";
import { hardSwish, hardSwishOp } from "../../demo/examples/own-ops/hard-swish.ts";
import { upsample, upsampleOp } from "../../demo/examples/own-ops/upsample.ts";
import { squaredDifferenceOp } from "../../demo/examples/siamese/squared-difference.ts";
import { testGpu } from "../support/run/gpu.ts";

type Rule = GradientRule<{ x: Tensor }, object, { y: Tensor }>;

const gpu = await testGpu();
const map = ({ x }: Arrays, f: (value: number) => number): Arrays => ({ y: { ...x!, data: x!.data.map(f) } });
const hardSwishOf = (x: number): number => (x * Math.min(Math.max(x + 3, 0), 6)) / 6;

describe("the gradients of", () => {
  // Two of three lie where f is straight, and none at its kinks.
  const values = {
    x: (random: { uniform(): number }, i: number) => (random.uniform() + 1) * [1, 4, -4][i % 3]!,
  };

  it("hard-swish are those of its formula", async () => {
    const given = { inputs: { x: [2, 3, 5] }, attrs: {}, values };
    const reference = (inputs: Arrays) => map(inputs, hardSwishOf);
    const { comparisons } = await checkGradients(gpu, hardSwishOp, { ...given, reference });
    expect(comparisons.map(({ name, elements }) => [name, elements])).toEqual([
      ["y", 30],
      ["dx", 24],
      ["dx of two uses", 24],
    ]);
    for (const { error } of comparisons) expect(error).toBeLessThan(1e-5);
  });

  it("hard-swish are the slopes of its own kernel", async () => {
    await checkGradients(gpu, hardSwishOp, { inputs: { x: [7] }, attrs: {}, values });
  });
});

/** An array of a shape, from the indices of each element. */
function made(shape: readonly number[], f: (...at: number[]) => number): NdArray {
  const at = (i: number): number[] =>
    shape.map((extent, axis) => Math.floor(i / shape.slice(axis + 1).reduce((a, b) => a * b, 1)) % extent);
  const length = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float64Array.from({ length }, (_, i) => f(...at(i))) };
}

/** An element of an (N, H, W, C) or (N, C) array. */
const element = ({ shape, data }: NdArray, ...at: number[]): number =>
  data[at.reduce((sum, index, axis) => sum * shape[axis]! + index, 0)]!;

describe("the gradients of", () => {
  it("channel scale are those of its formula", async () => {
    await checkGradients(gpu, channelScaleOp, {
      inputs: { x: [2, 3, 2, 5], s: [2, 5] },
      attrs: {},
      reference: ({ x, s }) => ({
        y: made(x!.shape, (n, h, w, c) => element(x!, n!, h!, w!, c!) * element(s!, n!, c!)),
      }),
    });
  });

  it("squared difference are those of its formula", async () => {
    await checkGradients(gpu, squaredDifferenceOp, {
      inputs: { a: [2, 3, 5], b: [2, 3, 5] },
      attrs: {},
      reference: ({ a, b }) => ({ y: { ...a!, data: a!.data.map((v, i) => (v - b!.data[i]!) ** 2) } }),
    });
  });

  it.each([1, 2, 3])("nearest upsampling by %i are those of its formula", async (factor) => {
    const reference = ({ x }: Arrays) => ({
      y: made([2, 3 * factor, 2 * factor, 5], (n, p, q, c) =>
        element(x!, n!, Math.floor(p! / factor), Math.floor(q! / factor), c!),
      ),
    });
    await checkGradients(gpu, upsampleOp, { inputs: { x: [2, 3, 2, 5] }, attrs: { factor }, reference });
  });

  it.each([1, 2, 6])("group norm in %i groups are those of its formula", async (groups) => {
    const shape = [2, 3, 5, 6];
    const statistics = (x: NdArray): [mean: number, scale: number][] =>
      Array.from({ length: 2 * groups }, (_, i) => {
        const values = x.data.filter((_, at) => {
          return (
            Math.floor(at / 90) === Math.floor(i / groups) &&
            Math.floor((at % 6) / (6 / groups)) === i % groups
          );
        });
        const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
        const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
        return [mean, 1 / Math.sqrt(variance + 1e-5)];
      });
    const reference = ({ x, weight, bias }: Arrays) => {
      const all = statistics(x!);
      return {
        y: made(shape, (n, h, w, c) => {
          const [mean, scale] = all[n! * groups + Math.floor(c! / (6 / groups))]!;
          return weight!.data[c!]! * (element(x!, n!, h!, w!, c!) - mean) * scale + bias!.data[c!]!;
        }),
      };
    };
    const inputs = { x: shape, weight: [6], bias: [6] };
    await checkGradients(gpu, groupNormOp, { inputs, attrs: { groups }, reference, tolerance: 1e-5 });
  });
});

describe("the check", () => {
  const given = { inputs: { x: [2, 6] }, attrs: {} };
  const wrong = (change: Partial<typeof hardSwishOp>) =>
    checkGradients(gpu, { ...hardSwishOp, ...change }, given);

  /** The op's own backward, with another answer to what it asks for. */
  const asking = (change: (emit: BackwardEmitter, x: Tensor) => Partial<BackwardEmitter>) =>
    wrong({
      backward(emit, node) {
        const answers = change(emit, node.inputs.x);
        const get = (target: BackwardEmitter, key: keyof BackwardEmitter) => {
          const member: unknown = answers[key] ?? target[key];
          return typeof member === "function" ? member.bind(target) : member;
        };
        (hardSwishOp.backward as Rule)(new Proxy(emit, { get } as never), node);
      },
    });

  it("finds a gradient that is wrong, and says where", async () => {
    const check = asking((_, x) => ({ gradient: () => x }));
    await expect(check).rejects.toThrow(GradientError);
    await expect(check).rejects.toThrow(
      /^hard_swish on x \(2, 6\):\ndx: \S+ instead of \S+ at element \d+ of/,
    );
  });

  it("finds one that overwrites where it should add", async () => {
    const check = asking((emit) => ({ into: (x) => ({ ...emit.into(x), accumulate: 0 }) }));
    await expect(check).rejects.toThrow(/^hard_swish on x \(2, 6\):\ndx: /);
  });

  it("finds a forward pass that is not its reference", async () => {
    const reference = (inputs: Arrays) => map(inputs, (x) => 1.001 * hardSwishOf(x));
    await expect(checkGradients(gpu, hardSwishOp, { ...given, reference })).rejects.toThrow(/:\ny: /);
  });

  it("refuses an op without gradients, or without what is differentiated", async () => {
    const { backward, ...plain } = hardSwishOp;
    await expect(checkGradients(gpu, plain, given)).rejects.toThrow(ShapeError);
    const renamed = {
      ...hardSwishOp,
      forward() {},
      infer: ({ x }: { x: Tensor }) => ({ z: { shape: x.shape } }),
    } as unknown as Op<{ x: Tensor }, object, { z: Tensor }>;
    await expect(checkGradients(gpu, renamed, given)).rejects.toThrow(
      "needs an output y or loss to differentiate",
    );
  });
});

/** Two classes that differ in where they are bright, which some steps tell apart. */
function halves() {
  const [count, side] = [32, 6];
  const images = new Uint8Array(count * side * side);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  images.forEach((_, at) => {
    const [i, column] = [Math.floor(at / side ** 2), at % side];
    images[at] = (column < side / 2 ? 0 : 1) === i % 2 ? 180 + ((at * 37) % 70) : (at * 53) % 60;
  });
  return createDataset({
    name: "halves",
    shape: [side, side, 1],
    classes: ["left", "right"],
    images,
    labels,
  });
}

describe("a network learns with", () => {
  const layers: Record<string, (x: Tensor) => Tensor> = {
    "hard-swish": hardSwish,
    "squeeze-and-excitation": (x) => squeezeExcite(x, "se"),
    upsampling: (x) => maxPool2d(upsample(x, 2), { kernelSize: 2 }),
    "group norm": (x) => groupNorm(x, "norm", 2),
  };

  it.each(Object.entries(layers))("%s", async (_, layer) => {
    const model: Model = {
      ...{ name: "own", inputShape: [6, 6, 1], classes: 2, options: {} },
      build: (x) => {
        const y = layer(conv2d(x, "conv", { outChannels: 6, kernelSize: 3, padding: 1 }));
        return dense(globalAvgPool(conv2d(y, "conv2", { outChannels: 8, kernelSize: 6 })), "fc", {
          outFeatures: 2,
        });
      },
    };
    const trainer = await Trainer.create({
      gpu,
      model,
      optimizer: adamw({ lr: 0.01 }),
      batchSize: 16,
      seed: 1,
    });
    const losses: number[] = [];
    try {
      await trainer.fit(halves(), { epochs: 6, onStep: ({ loss }) => void losses.push(loss) });
    } finally {
      await trainer.destroy();
    }
    expect(losses).toHaveLength(12);
    expect(losses.at(-1)).toBeLessThan(0.7 * losses[0]!);
  });
});
