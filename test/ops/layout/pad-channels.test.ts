import { expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { pad } from "../../../src/graph/tensor.ts";
import { filled } from "../../../src/layers/index.ts";
import { identityBlock, plainBlock } from "../../../src/models/index.ts";
import { padChannelsOp } from "../../../src/ops/layout/pad-channels.ts";
import { lower } from "../../../src/ops/lower.ts";
import { testOp } from "../../support/op/op-test.ts";
import { openProgram } from "../../support/run/run-op.ts";
import { padChannels } from "./pad-channels.ts";

testOp(padChannels);

test("pad_channels refuses to drop channels", () => {
  const x = new Graph({ mode: "train" }).input("x", [2, 3, 3, 8]);
  expect(() => x.graph.apply(padChannelsOp, "y", { x }, { channels: 6 })).toThrow(
    "pad_channels: cannot have fewer channels, 6 — x (2, 3, 3, 8)",
  );
});

test("a shortcut without parameters, and its gradient beside that of the convolutions", async () => {
  const [H, W, C, K] = [5, 6, 3, 6];
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [1, H, W, C], "f32", true);
  // All numbers are positive, so that ReLU is nothing and differences are exact whatever their step.
  const options = { outChannels: K, stride: 2, batchNorm: false, init: filled(1 / 16), convBias: false };
  const y = identityBlock(x, "residual", options);
  const plain = plainBlock(x, "plain", options);
  const [, P, Q] = y.shape as [number, number, number];
  expect([P, Q]).toEqual([3, 3]);
  const seed = graph.input("dy", y.shape);
  const program = lower(graph, [[y, seed]]);
  graph.output("y", y);
  graph.output("plain", plain);
  graph.output("dx", program.gradients.get(x)!);
  const running = await openProgram(program);
  try {
    const draw = new Random(2, "shortcut");
    const positive = (length: number) =>
      Float32Array.from({ length }, () => Math.ceil(8 * draw.uniform()) / 8);
    const [images, dy] = [positive(H * W * C), positive(P * Q * K)];
    const run = (values: Float32Array) => running.step({ x: pad(values, x.shape), dy: pad(dy, y.shape) });
    const first = await run(images);
    const at = (p: number, q: number, c: number) => (2 * p * W + 2 * q) * C + c;
    for (let i = 0; i < P * Q * K; i++) {
      const [p, q, k] = [Math.floor(i / (Q * K)), Math.floor(i / K) % Q, i % K];
      expect(first.y![i]! - first.plain![i]!).toBeCloseTo(k < C ? images[at(p, q, k)]! : 0, 5);
    }
    // A pixel that the shortcut takes, one that it skips, and the last one.
    for (const element of [at(1, 1, 2), at(1, 1, 0) + C, H * W * C - 1]) {
      const moved = images.slice();
      moved[element]! += 1;
      const { y: after } = await run(moved);
      const slope = dy.reduce((sum, v, i) => sum + v * (after![i]! - first.y![i]!), 0);
      expect(first.dx![element]).toBeCloseTo(slope, 3);
    }
  } finally {
    running.close();
  }
});
