import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { type MaxPool2d, maxPool2dOp, type Pool2d } from "../../../src/ops/pool/pool.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { maxPool2d } from "./max-pool2d.ts";
import { pool, WINDOWS } from "./windows.ts";

testOp(maxPool2d);

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

test.each([
  ["equal values and infinities", false],
  ["NaN", true],
])("max_pool2d gives the same numbers by any two of its kernels, also of %s", async (_, withNaN) => {
  for (const { shape, attrs } of WINDOWS.slice(0, 4)) {
    for (const activation of ["identity", "relu"] as const) {
      const results = [];
      for (const forward of ["halving", "plain"]) {
        for (const backward of ["halving", "plain"]) {
          const tuned: Capabilities["tuned"] = ({ pass }) => (pass === "forward" ? forward : backward);
          const graph = new Graph({ mode: "train", device: { features: [], tuned } });
          const x = graph.input("x", shape, "f32", true);
          const given = { ...attrs, activation: { name: activation } };
          const { y, index } = graph.apply(maxPool2dOp, "pool", { x }, given);
          const dy = graph.input("dy", y.shape);
          const values = [
            0,
            -0,
            1,
            1,
            -2,
            Number.POSITIVE_INFINITY,
            Number.NEGATIVE_INFINITY,
            0.5,
            1,
            -2,
            -2,
          ];
          const feeds = {
            x: Float32Array.from({ length: x.storage.length }, (_, i) =>
              withNaN && i % 41 === 7 ? Number.NaN : values[(i * i) % 11]!,
            ),
            dy: Float32Array.from({ length: dy.storage.length }, (_, i) => (i % 7) - 3),
          };
          const [outputs] = await runProgram(graph, [[y, dy]], feeds, (program) => {
            graph.output("y", y);
            graph.output("index", index);
            graph.output("dx", program.gradients.get(x)!);
          });
          // A kernel may keep the sign of a zero or lose it in a sum.
          results.push(Object.values(outputs!).map((numbers) => [...numbers].map((number) => number + 0)));
        }
      }
      for (const other of results) expect(other).toEqual(results[0]);
    }
  }
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
});
