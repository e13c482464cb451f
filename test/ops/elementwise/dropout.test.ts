import { expect, test } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { type Dropout, dropoutOp } from "../../../src/ops/elementwise/dropout.ts";
import { lower } from "../../../src/ops/lower.ts";
import type { Live } from "../../../src/run/live.ts";
import { testOp } from "../../support/op/op-test.ts";
import { runProgram } from "../../support/run/run-op.ts";
import { dropout } from "./dropout.ts";

testOp(dropout);

const SHAPE = [64, 256];
const ONES = new Float32Array(64 * 256).fill(1);

/** Dropout of ones and its gradient for ones, in each of the given steps. */
async function masks(attrs: Dropout, steps: readonly Partial<Live>[]) {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", SHAPE, "f32", true);
  const { y } = graph.apply(dropoutOp, "drop", { x }, attrs);
  const seeds = [[y, graph.input("dy", SHAPE)]] as const;
  return runProgram(
    graph,
    seeds,
    { x: ONES, dy: ONES },
    (program) => {
      graph.output("y", y);
      graph.output("dx", program.gradients.get(x)!);
    },
    steps,
  );
}

const agreeing = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).filter((v, i) => v === b[i]).length / a.length;

test("dropout keeps 1 − p of the elements, and drops the same ones in both directions", async () => {
  for (const p of [0.1, 0.5, 0.75]) {
    const [step] = await masks({ p, layer: 3 }, [{}]);
    expect(step!.dx).toEqual(step!.y);
    const kept = Array.from(step!.y!).filter((v) => v !== 0);
    // Six standard deviations.
    const width = 6 * Math.sqrt((p * (1 - p)) / ONES.length);
    expect(Math.abs(kept.length / ONES.length - (1 - p))).toBeLessThan(width);
    expect(kept.every((v) => Math.abs(v - 1 / (1 - p)) < 1e-6)).toBe(true);
  }
});

test("another step, seed or layer draws an independent mask; the same ones draw it again", async () => {
  const [first, again, step, seed] = await masks({ p: 0.5, layer: 3 }, [{}, {}, { step: 2 }, { seed: 6 }]);
  const [layer] = await masks({ p: 0.5, layer: 4 }, [{}]);
  expect(again!.y).toEqual(first!.y);
  for (const other of [step, seed, layer]) {
    expect(agreeing(first!.y!, other!.y!)).toBeGreaterThan(0.47);
    expect(agreeing(first!.y!, other!.y!)).toBeLessThan(0.53);
  }
});

test("dropout runs no kernel in a graph for evaluation, and refuses p outside [0, 1)", () => {
  const graph = new Graph({ mode: "eval" });
  const x = graph.input("x", [2, 8]);
  const { y } = graph.apply(dropoutOp, "drop", { x }, { p: 0.5, layer: 0 });
  expect(lower(graph).dispatches).toEqual([]);
  expect(y.storage).toBe(x.storage);
  for (const p of [1, -0.1, Number.NaN]) {
    expect(() => graph.apply(dropoutOp, "bad", { x }, { p, layer: 0 })).toThrow(`p = ${p}`);
  }
});
