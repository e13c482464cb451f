import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import {
  binaryCrossEntropyWithLogits,
  huberLoss,
  mseLoss,
  sigmoidFocalLoss,
} from "../../../src/layers/index.ts";
import { elementwiseLossOp } from "../../../src/ops/loss/elementwise.ts";
import { drawInputs } from "../../../src/testing/arrays.ts";
import { backwardProgram, forwardProgram } from "../../../src/testing/programs.ts";
import { testOp } from "../../support/op/op-test.ts";
import { feedsOf, openProgram } from "../../support/run/run-op.ts";
import { elementwiseLoss } from "./elementwise.ts";

testOp(elementwiseLoss);

/** The first case of each loss. */
const cases = new Map(
  elementwiseLoss.cases.map((given) => [(given.attrs as { name: string }).name, given] as const).toReversed(),
);

it.each([...cases])("%s gives the same without a gradient", async (_, given) => {
  const losses = await Promise.all(
    [given, { ...given, grads: [] }].map(async (each) => {
      const program = forwardProgram(elementwiseLoss, each, { features: [] });
      const running = await openProgram(program);
      const { loss } = await running.step(feedsOf(program, drawInputs(each)));
      running.close();
      return loss;
    }),
  );
  expect(losses[1]).toEqual(losses[0]);
});

it("an elementwise loss multiplies its gradient by the share of a micro-batch", async () => {
  const given = cases.get("mse")!;
  const program = backwardProgram(elementwiseLoss, given, { features: [] }, 1);
  const running = await openProgram(program);
  const feeds = feedsOf(program, drawInputs(given));
  const [whole, part] = await Promise.all([running.step(feeds), running.step(feeds, { share: 0.25 })]);
  running.close();
  expect([...part.dprediction!]).toEqual([...whole.dprediction!].map((v) => 0.25 * v));
});

describe("elementwise losses refuse", () => {
  const graph = new Graph({ mode: "train" });
  const logits = graph.input("logits", [8, 10]);
  const targets = graph.input("targets", [8, 10]);

  it("shapes and types that do not fit", () => {
    expect(() => mseLoss(logits, graph.input("t", [8, 1]))).toThrow(
      "mse: target must be f32 of the prediction's shape — logits (8, 10), f32 t (8, 1)",
    );
    const labels = graph.input("labels", [8, 10], "i32");
    expect(() =>
      graph.apply(elementwiseLossOp, "loss", { prediction: logits, target: labels }, { name: "l1" }),
    ).toThrow("l1: target must be f32 of the prediction's shape — logits (8, 10), i32 labels (8, 10)");
  });

  it("weights that do not fit", () => {
    expect(() => binaryCrossEntropyWithLogits(logits, targets, { posWeight: [1, 2] })).toThrow(
      "bce_with_logits: posWeight must be (8, 10) or (10) — (2)",
    );
    expect(() => binaryCrossEntropyWithLogits(logits, targets, { weight: graph.input("mask", [8]) })).toThrow(
      "bce_with_logits: weight must be (8, 10) or (10) — (8)",
    );
    expect(() => binaryCrossEntropyWithLogits(logits, targets, { weight: Array(10).fill(-1) })).toThrow(
      "weight must be finite and not negative — [-1, -1,",
    );
    const posWeight = graph.input("w", [10]);
    expect(() =>
      graph.apply(
        elementwiseLossOp,
        "loss",
        { prediction: logits, target: targets, posWeight },
        { name: "mse" },
      ),
    ).toThrow("mse: takes no posWeight — w (10)");
  });

  it("options out of range", () => {
    expect(() => huberLoss(logits, targets, { delta: 0 })).toThrow(
      "huber: delta must be finite and above 0 — 0",
    );
    expect(() => sigmoidFocalLoss(logits, targets, { gamma: -1 })).toThrow(
      "gamma must be finite and not negative",
    );
    expect(() => sigmoidFocalLoss(logits, targets, { alpha: Number.NaN })).toThrow(
      "alpha must be at most 1 — NaN",
    );
  });
});
