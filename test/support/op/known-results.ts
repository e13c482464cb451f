/**
 * Makes `src/run/self-test/known-results.ts`, by which `selfTest` tells a kernel that computes wrong, from the references
 * in f64:
 *
 *     npx tsx test/support/op/known-results.ts && npx biome check --write src/run/self-test/known-results.ts
 */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { knownLabels, knownValues, sumWeights } from "../../../src/run/self-test/check-kernels.ts";
import type { KnownCase } from "../../../src/run/self-test/known-results.ts";
import { declarations } from "../../ops/declarations.ts";
import { type NdArray, size } from "../reference/ndarray.ts";
import { adamReference, type Step, sgdReference } from "../reference/optimizers.ts";
import type { OpDeclaration } from "./declaration.ts";

type Given = Pick<KnownCase, "inputs" | "attrs"> & {
  /** Inputs whose gradients are known. Default all but labels and running statistics. */
  readonly grads?: readonly string[];
};

const PLAIN = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 };
const ONE = [1, 1, 1, 1];
const RELU = { name: "relu" };
const conv = (x: readonly number[], weight: readonly number[], attrs: object = {}): Given => ({
  inputs: { x, weight, bias: [weight[3]!] },
  attrs: { ...PLAIN, ...attrs },
});
const pool = { kernel: [3, 3], padding: ONE };
const norm = (residual: boolean): Given => ({
  inputs: {
    x: [2, 7, 6, 20],
    ...{ weight: [20], bias: [20], runningMean: [20], runningVar: [20] },
    ...(residual && { residual: [2, 7, 6, 20] }),
  },
  attrs: { mode: "train", eps: 1e-5, momentum: 0.1, activation: RELU },
  grads: ["x", "weight", "bias", ...(residual ? ["residual"] : [])],
});

/** Small, with rows and columns over in every tile, and between them a place for each kernel. */
const CASES: Readonly<Record<string, readonly Given[]>> = {
  conv2d: [
    // Winograd's too; strides, with phases of unequal size; 1×1; few channels; groups; depthwise, with both strides.
    conv([2, 9, 10, 20], [3, 3, 20, 36], { padding: ONE, activation: RELU }),
    conv([2, 9, 10, 12], [3, 3, 12, 20], { stride: [2, 2], padding: ONE }),
    conv([2, 7, 6, 68], [1, 1, 68, 20]),
    conv([2, 9, 8, 3], [3, 3, 3, 20], { padding: ONE }),
    conv([2, 7, 6, 8], [3, 3, 4, 8], { padding: ONE, groups: 2 }),
    conv([2, 7, 6, 8], [3, 3, 1, 8], { padding: ONE, groups: 8 }),
    conv([2, 7, 6, 8], [3, 3, 1, 8], { stride: [2, 2], padding: ONE, groups: 8 }),
  ],
  conv_transpose2d: [
    {
      inputs: { x: [2, 5, 6, 8], weight: [3, 3, 12, 8], bias: [12] },
      attrs: { ...PLAIN, stride: [2, 2], padding: ONE, outputPadding: [1, 1], activation: RELU },
    },
  ],
  dense: [76, 3].map((C) => ({ inputs: { x: [18, C], weight: [C, 37], bias: [37] }, attrs: {} })),
  activation: ["relu", "gelu"].map((name) => ({ inputs: { x: [3, 5, 6] }, attrs: { name } })),
  add: [{ inputs: { a: [3, 5, 6], b: [3, 5, 6] }, attrs: { activation: RELU } }],
  average: [{ inputs: { x0: [3, 5, 6], x1: [3, 5, 6] }, attrs: {} }],
  mul: [
    [2, 5, 6, 7],
    [2, 7],
    [2, 5, 6, 1],
  ].map((b) => ({ inputs: { a: [2, 5, 6, 7], b }, attrs: {} })),
  prelu: [[7], [1]].map((weight) => ({ inputs: { x: [2, 5, 6, 7], weight }, attrs: {} })),
  rescale: [{ inputs: { x: [3, 5, 6] }, attrs: { scale: [1, 2, 3, 4, 5, 6], offset: 0.5 } }],
  sub: [{ inputs: { a: [3, 5, 6], b: [3, 5, 6] }, attrs: {} }],
  concat: [{ inputs: { x0: [3, 5, 6], x1: [3, 5, 7] }, attrs: {} }],
  flatten: [{ inputs: { x: [2, 3, 5, 7] }, attrs: {} }],
  pad2d: (["constant", "reflect"] as const).map((mode) => ({
    ...{ inputs: { x: [2, 4, 5, 6] }, attrs: { padding: [2, -1, 1, 3], mode, value: 0.5 } },
  })),
  pad_channels: [{ inputs: { x: [3, 5, 6] }, attrs: { channels: 13 } }],
  upsample: ["nearest", "bilinear"].map((mode) => ({
    ...{ inputs: { x: [2, 3, 4, 6] }, attrs: { size: [6, 7], mode } },
  })),
  cross_entropy: [{ inputs: { logits: [37, 11], labels: [37] }, attrs: {}, grads: ["logits"] }],
  // Focal loss wants targets between 0 and 1; its kernel is the same.
  elementwise_loss: ["mse", "l1", "huber", "bce_with_logits"].map((name) => ({
    ...{ inputs: { prediction: [7, 11], target: [7, 11] }, attrs: { name }, grads: ["prediction"] },
  })),
  softmax: [{ inputs: { x: [7, 11] }, attrs: {} }],
  batch_norm: [norm(false), norm(true)],
  group_norm: [
    {
      inputs: { x: [2, 7, 6, 20], weight: [20], bias: [20] },
      attrs: { groups: 4, eps: 1e-5 },
    },
  ],
  layer_norm: [{ inputs: { x: [2, 7, 6, 20], weight: [20], bias: [20] }, attrs: { eps: 1e-5 } }],
  avg_pool2d: [{ inputs: { x: [2, 7, 6, 5] }, attrs: { ...pool, stride: [2, 2], countIncludePad: true } }],
  global_avg_pool: [{ inputs: { x: [3, 5, 6, 7] }, attrs: {} }],
  global_max_pool: [{ inputs: { x: [3, 5, 6, 7] }, attrs: {} }],
  max_pool2d: [
    [2, 2],
    [1, 1],
  ].map((stride) => ({ inputs: { x: [2, 7, 6, 5] }, attrs: { ...pool, stride } })),
};

/** Ops whose results are not stored, and why. */
export const unknown: Readonly<Record<string, string>> = {
  cast: "its kernels are run by the other ops in f16",
  dropout: "it is random; a wrong mask is as good as another",
  augment: "it is random",
  from_padded: "it is run once, for single kernels in other apps",
  to_padded: "it is run once, for single kernels in other apps",
  loss_scale: "it is run by the steps of mixed precision only",
  sum_losses: "it is an addition of a few numbers, in steps of several losses only",
  soft_cross_entropy: "its targets must be shares; its kernels are those of cross_entropy",
};

/** Half the width of a central difference along a direction: far less than values here differ by. */
const STEP = 1e-6;

/** A number as it is stored. */
const stored = (value: number): number => Number(value.toPrecision(7));

const sumOf = (name: string, { data }: NdArray): number => {
  const weight = sumWeights(name);
  return data.reduce((sum, value) => sum + weight() * value, 0);
};

function arrayOf(name: string, shape: readonly number[], classes: number): NdArray {
  const values = name === "labels" ? knownLabels(size(shape), classes) : knownValues(name, size(shape));
  return { shape, data: Float64Array.from(values) };
}

/** A gradient's sum with random weights is the derivative of the loss along them. */
function sumsOf({ reference }: OpDeclaration, { inputs, attrs, grads }: Given): Record<string, number> {
  const classes = inputs.logits?.at(-1) ?? 0;
  const arrays = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [name, arrayOf(name, shape, classes)]),
  );
  const { y, loss } = reference(arrays, attrs);
  const dy = y ? arrayOf("dy", y.shape, 0).data : [1];
  const lossOf = (changed: typeof arrays): number => {
    const outputs = reference(changed, attrs);
    return Array.from(dy).reduce((sum, d, i) => sum + d * (outputs.y ?? outputs.loss!).data[i]!, 0);
  };
  const gradients = (grads ?? Object.keys(inputs)).map((name) => {
    const { shape, data } = arrays[name]!;
    const [above, below] = [STEP, -STEP].map((step) => {
      const weight = sumWeights(`d${name}`);
      return lossOf({ ...arrays, [name]: { shape, data: data.map((value) => value + step * weight()) } });
    });
    return [`d${name}`, stored((above! - below!) / (2 * STEP))] as const;
  });
  return { y: stored(sumOf("y", y ?? loss!)), ...Object.fromEntries(gradients) };
}

/** A parameter after two steps, as an optimizer's `standard` takes them. */
function updated(step: Step): number {
  const p = Float64Array.from(knownValues("p", 70));
  for (let i = 0; i < 2; i++) step(p, Float64Array.from(knownValues("g", 70)), 0.1);
  return stored(sumOf("p", { shape: [70], data: p }));
}

/** What the file holds. */
export const results = (): {
  readonly knownOps: Record<string, readonly KnownCase[]>;
  readonly knownUpdates: Record<string, number>;
} => ({
  knownOps: Object.fromEntries(
    Object.entries(CASES).map(([name, cases]) => {
      const declaration = declarations.find(({ op }) => op.name === name)!;
      return [
        name,
        cases.map((given) => {
          const { inputs, attrs } = given;
          const half = "activations" in declaration.half;
          return { inputs, attrs, ...(half && { half }), sums: sumsOf(declaration, given) };
        }),
      ];
    }),
  ),
  knownUpdates: {
    adam: updated(adamReference({ decoupled: true, weightDecay: 0.01 })),
    sgd: updated(sgdReference({ momentum: 0.9 })),
    sgd_without_momentum: updated(sgdReference({})),
  },
});

const FILE = fileURLToPath(new URL("../../../src/run/self-test/known-results.ts", import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { knownOps, knownUpdates } = results();
  writeFileSync(
    FILE,
    `// Made by test/support/op/known-results.ts from the references in f64; it is not edited.

/** An op on inputs of these shapes, filled with \`knownValues\`, and what comes out. */
export interface KnownCase {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly attrs: unknown;
  /** Whether its activations may be f16. */
  readonly half?: true;
  /** The sums, with \`sumWeights\`, of the result \`y\`, or the loss, and of the gradient \`d…\` of inputs. */
  readonly sums: Readonly<Record<string, number>>;
}

/** By the op's name. */
export const knownOps: Readonly<Record<string, readonly KnownCase[]>> = ${JSON.stringify(knownOps)};

/** Sums of a parameter after two steps of an optimizer's \`standard\`, by the kernel that does them. */
export const knownUpdates: Readonly<Record<string, number>> = ${JSON.stringify(knownUpdates)};
`,
  );
}
