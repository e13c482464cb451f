/** Blocks of convolutions and batch norms, in which these do a part of each other's work on a GPU; and the same in f64. */
import type { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { conv2d_forward_between_variants } from "../../../src/kernel/variants.gen.ts";
import { type Conv2dAttrs, conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import type { Activation } from "../../../src/ops/elementwise/activation.ts";
import { castOp } from "../../../src/ops/elementwise/cast.ts";
import { type LowerOptions, lower, type Program } from "../../../src/ops/lower.ts";
import { type BatchNorm, batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import type { OpCase, OpDeclaration } from "../../support/op/declaration.ts";
import { batchNorm } from "../../support/reference/batch-norm.ts";
import { conv2d } from "../../support/reference/conv.ts";
import type { NdArray } from "../../support/reference/ndarray.ts";

export type Named<T> = Readonly<Record<string, T>>;

/**
 * Two convolutions and their batch norms, the second of which adds a shortcut of a convolution and a batch norm; and one
 * more, whose shortcut is its input.
 */
export interface Block {
  readonly first: Conv2dAttrs;
  readonly second: Conv2dAttrs;
  readonly activation: Activation;
  readonly mode: BatchNorm["mode"];
}

export const conv = (step: number, pad: number): Conv2dAttrs => ({
  ...{ stride: [step, step], dilation: [1, 1], padding: [pad, pad, pad, pad], groups: 1 },
});

export const relu: Activation = { name: "relu" };
const norm = ({ mode }: Block, activation: Activation = { name: "identity" }): BatchNorm => ({
  ...{ mode, eps: 1e-5, momentum: 0.1, activation },
});

/** The block by whatever computes a convolution and a batch norm of `x` with the parameters of this name. */
function blockOf<T>(
  block: Block,
  x: T,
  apply: {
    conv(name: string, x: T, attrs: Conv2dAttrs): T;
    norm(name: string, x: T, attrs: BatchNorm, residual?: T): T;
  },
): T {
  const { first, second, activation } = block;
  const inner = apply.norm("1", apply.conv("1", x, first), norm(block, activation));
  const stride: Conv2dAttrs = { ...conv(1, 0), stride: second.stride };
  const shortcut = apply.norm("s", apply.conv("s", x, stride), norm(block));
  const y = apply.norm("2", apply.conv("2", inner, second), norm(block, activation), shortcut);
  return apply.norm("3", apply.conv("3", y, conv(1, 0)), norm(block, relu), y);
}

/** A case of shapes x (N, H, W, C), and M and K channels after the convolutions. */
function given(
  name: string,
  [N, H, W, C]: readonly [number, number, number, number],
  [M, K]: readonly [number, number],
  [window, step]: readonly [number, number],
  activation: Activation,
  mode: BatchNorm["mode"] = "train",
  large = 0,
): OpCase<Block> {
  const vectors = (n: string, channels: number) =>
    ["weight", "bias", "runningMean", "runningVar"].map((v): [string, readonly number[]] => [
      v + n,
      [channels],
    ]);
  const positive = (random: Random) => 0.5 + random.uniform();
  return {
    name,
    inputs: {
      x: [N, H, W, C],
      w1: [1, 1, C, M],
      b1: [M],
      w2: [window, window, M, K],
      w3: [1, 1, K, K],
      ws: [1, 1, C, K],
      ...Object.fromEntries([...vectors("1", M), ...vectors("2", K), ...vectors("3", K), ...vectors("s", K)]),
    },
    attrs: { first: conv(1, 0), second: conv(step, (window - 1) / 2), activation, mode },
    values: {
      ...Object.fromEntries(
        ["1", "2", "3", "s"].flatMap((n) => [
          [`weight${n}`, positive],
          [`runningVar${n}`, positive],
        ]),
      ),
      b1: (random: Random) => large + random.uniform(),
    },
    grads: ["x", ...["1", "2", "3", "s"].flatMap((n) => [`w${n}`, `weight${n}`, `bias${n}`])],
  };
}

const leaky: Activation = { name: "leaky_relu", alpha: 0.2 };
export const cases = [
  given("bottleneck, odd shapes", [3, 7, 5, 6], [9, 13], [1, 1], relu),
  given("3×3 with padding", [2, 7, 9, 5], [7, 10], [3, 1], relu),
  given("stride 2, leaky", [3, 9, 7, 6], [5, 6], [3, 2], leaky),
  given("stride 2 of 1×1, no activation", [2, 10, 7, 6], [6, 5], [1, 2], { name: "identity" }),
  given("many rows", [6, 15, 13, 8], [20, 22], [1, 1], relu),
  given("frozen", [2, 7, 6, 6], [9, 10], [3, 1], relu, "frozen"),
  given("a mean of 300", [3, 7, 5, 6], [9, 13], [1, 1], relu, "train", 300),
];

const reference = (inputs: Named<NdArray>, block: Block): Named<NdArray> => {
  const running: Record<string, NdArray> = {};
  const y = blockOf(block, inputs.x!, {
    conv: (n, x, attrs) => conv2d(x, inputs[`w${n}`]!, n === "1" ? inputs.b1 : undefined, attrs),
    norm(n, x, attrs, residual) {
      const [weight, bias, runningMean, runningVar] = ["weight", "bias", "runningMean", "runningVar"].map(
        (vector) => inputs[vector + n]!,
      ) as [NdArray, NdArray, NdArray, NdArray];
      const all = { x, weight, bias, runningMean, runningVar, ...(residual && { residual }) };
      const results = batchNorm(all, attrs);
      running[`runningMean${n}`] = results.runningMean!;
      running[`runningVar${n}`] = results.runningVar!;
      return results.y!;
    },
  });
  return { y, ...running };
};

/** As much of a declaration as `expectedOf` takes. */
export const blockDeclaration = { op: { backward: "block" }, reference } as unknown as OpDeclaration;

/** A GPU whose convolutions take the kernel of this name: for small layers the heuristic prefers others. */
export const gpuOf = (variant: string): Capabilities => ({
  features: [],
  tuned: ({ op }) => (op === "conv2d" ? variant : undefined),
});

/** The block's launches, which read y, the running statistics and all gradients; activations are f16 if `half`. */
export function programOf(
  { inputs, attrs, grads }: OpCase<Block>,
  device: Capabilities,
  half = false,
  options: LowerOptions = {},
): Program {
  const graph = new Graph({ mode: "train", device });
  const tensors: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries(inputs)) {
    tensors[name] = graph.input(name, shape as readonly number[], "f32", grads!.includes(name));
  }
  const cast = (x: Tensor, to: "f16" | "f32"): Tensor =>
    half ? graph.apply(castOp, `${x.name}.${to}`, { x }, { to }).y : x;
  const y = blockOf(attrs, cast(tensors.x!, "f16"), {
    conv: (n, x, conv) =>
      graph.apply(
        conv2dOp,
        `conv${n}`,
        { x, weight: tensors[`w${n}`]!, bias: n === "1" ? tensors.b1 : undefined },
        conv,
      ).y,
    norm: (n, x, attrs, residual) =>
      graph.apply(
        batchNormOp,
        `bn${n}`,
        {
          ...{ x, weight: tensors[`weight${n}`]!, bias: tensors[`bias${n}`]!, residual },
          ...{ runningMean: tensors[`runningMean${n}`]!, runningVar: tensors[`runningVar${n}`]! },
        },
        attrs,
      ).y,
  });
  const out = cast(y, "f32");
  graph.output("y", out);
  for (const name of Object.keys(inputs)) {
    if (name.startsWith("running")) graph.output(name, tensors[name]!);
  }
  const program = lower(graph, [[out, graph.input("dy", y.shape)]], options);
  for (const name of grads!) graph.output(`d${name}`, program.gradients.get(tensors[name]!)!);
  return program;
}

/** One that software compiles fast. */
export const SMALL = "4x4_workgroup_8x8";

/** The launches of all cases, and of one with each of the kernels. */
export const besidePrograms = (): readonly Program[] => [
  ...cases.map((one) => programOf(one, gpuOf(SMALL))),
  ...conv2d_forward_between_variants.map(({ variant }) => programOf(cases[0]!, gpuOf(variant))),
];
