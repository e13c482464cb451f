import { expect, test } from "vitest";
import { Program } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Tensors } from "../../src/graph/op.ts";
import type { Capabilities } from "../../src/kernel/capabilities.ts";
import { type Conv2dAttrs, conv2dOp } from "../../src/ops/conv/conv2d.ts";
import { denseOp } from "../../src/ops/conv/dense.ts";
import { type BatchNorm, batchNormOp } from "../../src/ops/norm/batch-norm.ts";
import { type MaxPool2d, maxPool2dOp } from "../../src/ops/pool/pool.ts";
import { recorder } from "../../src/ops/tunable.ts";
import { defineOpTest, type OpCase, type OpTest } from "../support/optest.ts";
import { batchNorm } from "../support/reference/batch-norm.ts";
import { conv2d, dense } from "../support/reference/conv.ts";
import { maxPool2d } from "../support/reference/pool.ts";
import { runProgram } from "../support/run-op.ts";

type Shape = readonly number[];

/** Tests an op with every variant of its passes, by devices whose tables name it. Convolutions have tests of their own. */
function defineVariantsTest<In extends Tensors, Attrs, Out extends Tensors & { y: Tensors[string] }>(
  given: Omit<OpTest<In, Attrs, Out>, "devices">,
  expected: readonly string[],
): void {
  const names = new Set<string>();
  for (const { inputs, attrs } of given.cases) {
    const { device, tasks } = recorder({ features: [] });
    const graph = new Graph({ mode: "train", device });
    const tensors = Object.entries(inputs).map(([name, shape]) => [
      name,
      graph.input(name, shape as Shape, "f32", true),
    ]);
    const { y } = graph.apply(given.op, "op", Object.fromEntries(tensors) as In, attrs);
    new Program(graph, [[y!, graph.input("dy", y!.shape)]]);
    for (const task of tasks) for (const { name } of task.variants(device)) names.add(name);
  }
  test(`${given.op.name} has these variants`, () => expect([...names].toSorted()).toEqual(expected));
  const named = expected.map((name): [string, Capabilities] => [name, { features: [], tuned: () => name }]);
  defineOpTest({ ...given, devices: Object.fromEntries(named) });
}

// So many rows and channels that parts for many threads are not those for few, and several lanes merge them.
const WIDE: Shape = [3, 10, 10, 509];
const batchNormCase = (name: string, mode: BatchNorm["mode"], residual: boolean): OpCase<BatchNorm> => ({
  name,
  inputs: {
    ...{ x: WIDE, weight: [509], bias: [509], runningMean: [509], runningVar: [509] },
    ...(residual && { residual: WIDE }),
  },
  attrs: { mode, eps: 1e-5, momentum: 0.1, activation: { name: "sigmoid" } },
  values: {
    x: (random) => 0.3 + 2 * random.normal(),
    weight: (random) => 0.5 + random.uniform(),
    runningVar: (random) => 0.5 + random.uniform(),
  },
  grads: ["x", "weight", ...(residual ? ["residual"] : [])],
});

defineVariantsTest(
  {
    op: batchNormOp,
    reference: batchNorm,
    cases: [batchNormCase("train", "train", false), batchNormCase("frozen, residual", "frozen", true)],
    tolerance: () => 2e-6 * Math.sqrt(300),
  },
  ["32_rows", "8_rows", "few_parts_alone", "few_parts_group", "many_parts_alone", "many_parts_group"],
);

const pools: readonly { readonly inputs: { readonly x: Shape }; readonly attrs: MaxPool2d }[] = [
  { inputs: { x: [2, 6, 8, 4] }, attrs: { kernel: [2, 2], stride: [2, 2], padding: [0, 0, 0, 0] } },
  { inputs: { x: [2, 11, 7, 5] }, attrs: { kernel: [3, 3], stride: [2, 2], padding: [1, 1, 1, 1] } },
  { inputs: { x: [2, 9, 6, 7] }, attrs: { kernel: [3, 2], stride: [2, 2], padding: [2, 1, 0, 1] } },
  { inputs: { x: [1, 5, 10, 9] }, attrs: { kernel: [2, 3], stride: [2, 2], padding: [0, 1, 1, 2] } },
];

defineVariantsTest(
  {
    op: maxPool2dOp,
    reference: ({ x }, attrs) => ({ y: maxPool2d(x!, attrs) }),
    cases: pools,
    tolerance: () => 1e-6,
  },
  ["halving", "plain"],
);

test("max_pool2d gives the same numbers by any two of its kernels, also of equal values and infinities", async () => {
  for (const { inputs, attrs } of pools) {
    for (const activation of ["identity", "relu"] as const) {
      const results = [];
      for (const forward of ["halving", "plain"]) {
        for (const backward of ["halving", "plain"]) {
          const tuned: Capabilities["tuned"] = ({ pass }) => (pass === "forward" ? forward : backward);
          const graph = new Graph({ mode: "train", device: { features: [], tuned } });
          const x = graph.input("x", inputs.x, "f32", true);
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
            x: Float32Array.from({ length: x.storage.length }, (_, i) => values[(i * i) % 11]!),
            dy: Float32Array.from({ length: dy.storage.length }, (_, i) => (i % 7) - 3),
          };
          const [outputs] = await runProgram(graph, [[y, dy]], feeds, (program) => {
            graph.output("y", y);
            graph.output("index", index);
            graph.output("dx", program.gradientOf(x)!);
          });
          // Of zeros a kernel may keep the sign or lose it in a sum.
          results.push(Object.values(outputs!).map((numbers) => [...numbers].map((number) => number + 0)));
        }
      }
      for (const other of results) expect(other).toEqual(results[0]);
    }
  }
});

const depthwise: OpCase<Conv2dAttrs> = {
  name: "depthwise",
  inputs: { x: [4, 16, 5, 64], weight: [3, 3, 1, 64] },
  attrs: { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 64 },
};

defineVariantsTest(
  {
    op: conv2dOp,
    reference: ({ x, weight }, attrs) => ({ y: conv2d(x!, weight!, undefined, attrs) }),
    cases: [depthwise],
    tolerance: () => 1e-6 * Math.sqrt(4 * 16 * 5),
  },
  ["fewer_splits", "more_splits", "splits"],
);

// As a layer of its own: a table's choice for it is none for convolutions.
defineOpTest({
  op: denseOp,
  devices: Object.fromEntries(
    ["tile_4x4_group_8x8", "tile_8x8_alone_flat", "tile_4x4_alone_flat_more_splits"].map((name) => [
      name,
      { features: [], tuned: ({ op }) => (op === "dense" ? name : undefined) } satisfies Capabilities,
    ]),
  ),
  reference: ({ x, weight, bias }) => ({ y: dense(x!, weight!, bias) }),
  cases: [{ inputs: { x: [33, 301], weight: [301, 37], bias: [37] }, attrs: {} }],
  tolerance: () => 1e-6 * Math.sqrt(301),
});
