import { expect, test } from "vitest";
import type { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import {
  type AvgPool2d,
  avgPool2dOp,
  globalAvgPoolOp,
  type MaxPool2d,
  maxPool2dOp,
  type Pool2d,
} from "../../../src/ops/pool/pool.ts";
import { defineOpTest } from "../../support/optest.ts";
import { avgPool2d, globalAvgPool, maxPool2d } from "../../support/reference/pool.ts";
import { runProgram } from "../../support/run-op.ts";

function pool(
  kernel: Pool2d["kernel"],
  stride: Pool2d["stride"],
  padding: Pool2d["padding"] = [0, 0, 0, 0],
): Pool2d {
  return { kernel, stride, padding };
}

const WINDOWS: readonly { shape: readonly number[]; attrs: Pool2d }[] = [
  { shape: [2, 6, 8, 4], attrs: pool([2, 2], [2, 2]) },
  { shape: [1, 11, 7, 5], attrs: pool([3, 3], [2, 2], [1, 1, 1, 1]) },
  { shape: [2, 9, 6, 7], attrs: pool([3, 2], [2, 2], [2, 1, 0, 1]) },
  { shape: [2, 5, 10, 9], attrs: pool([2, 3], [2, 2], [0, 1, 1, 2]) },
  { shape: [3, 7, 13, 6], attrs: pool([3, 2], [1, 1], [2, 0, 1, 0]) },
  { shape: [2, 5, 5, 1], attrs: pool([2, 3], [3, 2], [0, 1, 1, 2]) },
  { shape: [1, 3, 4, 9], attrs: pool([3, 4], [1, 1]) },
  { shape: [1, 17, 19, 3], attrs: pool([15, 17], [1, 2], [7, 7, 8, 8]) },
];

defineOpTest({
  op: maxPool2dOp,
  reference: ({ x }, attrs) => ({ y: maxPool2d(x!, attrs) }),
  cases: [
    ...WINDOWS.map(({ shape, attrs }) => ({ inputs: { x: shape }, attrs })),
    {
      name: "all below zero, with padding",
      inputs: { x: [1, 5, 5, 3] },
      attrs: pool([3, 3], [2, 2], [1, 1, 1, 1]),
      values: { x: (random) => -1 - random.uniform() },
    },
    {
      name: "relu, overlapping windows by strides of 2",
      inputs: { x: [2, 8, 9, 5] },
      attrs: { ...pool([3, 3], [2, 2], [1, 1, 1, 1]), activation: { name: "relu" } } as MaxPool2d,
      values: { x: (random) => 2 * random.uniform() - 1.6 },
    },
    ...([{ name: "relu" }, { name: "leaky_relu", alpha: 0.2 }] as const).map((activation) => ({
      name: `${activation.name}, overlapping windows, some of them below zero`,
      inputs: { x: [2, 7, 9, 5] },
      attrs: { ...pool([2, 3], [2, 1], [1, 0, 1, 1]), activation },
      values: { x: (random: Random) => 2 * random.uniform() - 1.6 },
    })),
  ],
  tolerance: () => 1e-6,
});

defineOpTest({
  op: avgPool2dOp,
  reference: ({ x }, attrs) => ({ y: avgPool2d(x!, attrs) }),
  cases: WINDOWS.flatMap(({ shape, attrs }) =>
    [false, true].map((countIncludePad) => ({
      name: `(${shape}) ${JSON.stringify({ ...attrs, countIncludePad })}`,
      inputs: { x: shape },
      attrs: { ...attrs, countIncludePad } as AvgPool2d,
    })),
  ),
  tolerance: ({ attrs: { kernel } }) => 1e-6 * Math.sqrt(kernel[0] * kernel[1]),
});

defineOpTest({
  op: globalAvgPoolOp,
  reference: ({ x }) => ({ y: globalAvgPool(x!) }),
  cases: [
    [2, 7, 7, 8],
    [1, 1, 1, 3],
    [3, 2, 3, 5],
    [1, 13, 11, 1],
  ].map((shape) => ({ inputs: { x: shape }, attrs: {} })),
  tolerance: () => 1e-5,
});

/** y and dx of a max pool over a square image of one channel. */
async function poolOf(values: readonly number[], attrs: Pool2d = pool([3, 3], [1, 1])) {
  const graph = new Graph({ mode: "train" });
  const side = Math.sqrt(values.length);
  const x = graph.input("x", [1, side, side, 1], "f32", true);
  const { y } = graph.apply(maxPool2dOp, "pool", { x }, attrs);
  const lanes = (v: readonly number[]) =>
    Float32Array.from({ length: 4 * v.length }, (_, i) => (i % 4 ? 0 : v[i / 4]!));
  const feeds = { x: lanes(values), dy: lanes([1, 10, 100, 1000]) };
  const [outputs] = await runProgram(graph, [[y, graph.input("dy", y.shape)]], feeds, (program) => {
    graph.output("y", y);
    graph.output("dx", program.gradients.get(x)!);
  });
  return { y: [...outputs!.y!], dx: [...outputs!.dx!] };
}

test("max_pool2d: the first of equal values gets the gradient", async () => {
  const { y, dx } = await poolOf(new Array(16).fill(3));
  expect(y).toEqual([3, 3, 3, 3]);
  expect(dx).toEqual([1, 10, 0, 0, 100, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  const zeros = await poolOf([0, -0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(zeros.dx).toEqual(dx);
  const padded = await poolOf(new Array(9).fill(-3), pool([3, 3], [2, 2], [1, 1, 1, 1]));
  expect(padded.y).toEqual([-3, -3, -3, -3]);
  expect(padded.dx).toEqual([1, 10, 0, 100, 1000, 0, 0, 0, 0]);
});

test("max_pool2d: one pixel may win every window", async () => {
  const { dx } = await poolOf([0, 1, 0, 2, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  expect(dx).toEqual([0, 0, 0, 0, 0, 0, 1111, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("max_pool2d: NaN propagates, and infinities are values", async () => {
  const { y, dx } = await poolOf([Number.NaN, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  expect(y).toEqual([Number.NaN, 11, 14, 15]);
  expect(dx[0]).toBe(1);
  const infinite = new Array(16).fill(Number.NEGATIVE_INFINITY);
  infinite[15] = Number.POSITIVE_INFINITY;
  expect((await poolOf(infinite)).y).toEqual([-Infinity, -Infinity, -Infinity, Infinity]);
  const byTwo = pool([2, 2], [2, 2]);
  expect((await poolOf(infinite, byTwo)).y).toEqual([-Infinity, -Infinity, -Infinity, Infinity]);
  const last = [0, 1, 2, 3, 4, -Number.NaN, 6, 7, 8, 9, Infinity, -Infinity, 12, 13, 14, Number.NaN];
  expect((await poolOf(last, byTwo)).y).toEqual([Number.NaN, 7, 13, Number.NaN]);
});

test("pooling refuses windows that do not fit, with the values", () => {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [1, 5, 5, 3]);
  const apply = (attrs: MaxPool2d) => () => graph.apply(maxPool2dOp, "pool", { x }, attrs);
  expect(apply(pool([2, 2], [1, 1], [2, 0, 0, 0]))).toThrow(
    /padding.*smaller.*kernel 2×2, padding 2, 0, 0, 0/,
  );
  expect(apply(pool([16, 16], [1, 1]))).toThrow(/at most 255 cells/);
  const falling = { name: "leaky_relu", alpha: -1 } as const;
  expect(apply({ ...pool([2, 2], [1, 1]), activation: falling })).toThrow(
    /leaky ReLU — leaky_relu, alpha -1/,
  );
  expect(apply(pool([6, 5], [1, 1]))).toThrow(/larger than the padded input.*x \(1, 5, 5, 3\)/);
  expect(() => graph.apply(globalAvgPoolOp, "gap", { x: graph.input("v", [2, 3]) }, {})).toThrow(
    /\(N, H, W, C\)/,
  );
});
