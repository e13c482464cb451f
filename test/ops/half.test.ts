/** Ops with activations stored as f16, against the same ops in f32, which have tests of their own. */
import { describe, expect, it } from "vitest";
import { DeviceError, ShaderError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import type { Seed } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/graph.ts";
import { lower } from "../../src/graph/lower.ts";
import type { Op, Tensors } from "../../src/graph/op.ts";
import { pad, type Tensor } from "../../src/graph/tensor.ts";
import type { Capabilities } from "../../src/kernel/capabilities.ts";
import { halfBindings, withHalf } from "../../src/kernel/half.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import * as shaders from "../../src/kernel/shaders.gen.ts";
import * as ops from "../../src/ops/index.ts";
import { type Outputs, openSession } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { testGpu } from "../support/gpu.ts";

const { capabilities } = await testGpu();
const hasHalf = capabilities.features.includes("shader-f16");

interface Case {
  readonly op: Op<never, never, Tensors>;
  /** Shapes of inputs that are activations. */
  readonly activations: Readonly<Record<string, readonly number[]>>;
  /** And of the others. */
  readonly weights?: Readonly<Record<string, readonly number[]>>;
  readonly attrs?: object;
  /** Which inputs get no gradient. */
  readonly fixed?: readonly string[];
  readonly device?: Capabilities;
  readonly name?: string;
}

const of = (op: unknown): Case["op"] => op as Case["op"];
const window = { kernel: [3, 2], stride: [2, 2], padding: [1, 0, 1, 0] };
const filter = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 };
const relu = { activation: { name: "relu" } };
const statistics = { weight: [6], bias: [6], runningMean: [6], runningVar: [6] };
const norm = { mode: "train", eps: 1e-3, momentum: 0.1 };
const fixed = ["runningMean", "runningVar"];
const winograd = (name: string): Capabilities => ({ features: [], software: true, tuned: () => name });
const tiles: Capabilities = { features: [], tuned: () => undefined };

const CASES: readonly Case[] = [
  { op: of(ops.activationOp), activations: { x: [3, 5, 7] }, attrs: { name: "gelu" } },
  { op: of(ops.addOp), activations: { a: [2, 3, 5], b: [2, 3, 5] }, attrs: relu },
  { op: of(ops.averageOp), activations: { x0: [2, 3, 5], x1: [2, 3, 5] } },
  { op: of(ops.concatOp), activations: { x0: [2, 3, 5], x1: [2, 3, 6] } },
  { op: of(ops.dropoutOp), activations: { x: [4, 9, 3] }, attrs: { p: 0.4, layer: 1 } },
  { op: of(ops.flattenOp), activations: { x: [2, 3, 3, 5] } },
  { op: of(ops.fromPaddedOp), activations: { x: [2, 3, 3, 5] }, attrs: { to: "nchw" } },
  { op: of(ops.toPaddedOp), activations: { x: [90] }, attrs: { from: "nchw", shape: [2, 3, 3, 5] } },
  { op: of(ops.maxPool2dOp), activations: { x: [2, 7, 6, 5] }, attrs: { ...window, ...relu } },
  { op: of(ops.avgPool2dOp), activations: { x: [2, 7, 6, 5] }, attrs: { ...window, countIncludePad: true } },
  { op: of(ops.globalAvgPoolOp), activations: { x: [2, 7, 6, 5] } },
  {
    op: of(ops.denseOp),
    activations: { x: [5, 37] },
    weights: { weight: [37, 6], bias: [6] },
    attrs: relu,
  },
  ...[
    {},
    { device: tiles, name: "tiles of workgroups" },
    { device: winograd("winograd_2x2"), name: "winograd_2x2" },
    { device: winograd("winograd_4x4"), name: "winograd_4x4" },
  ].map((more) => ({
    op: of(ops.conv2dOp),
    activations: { x: [2, 7, 6, 5] },
    weights: { weight: [3, 3, 5, 6], bias: [6] },
    attrs: { ...filter, ...relu },
    ...more,
  })),
  {
    name: "stride 2, few channels",
    op: of(ops.conv2dOp),
    activations: { x: [2, 7, 6, 3] },
    weights: { weight: [3, 3, 3, 6], bias: [6] },
    attrs: { ...filter, stride: [2, 2] },
  },
  {
    name: "groups",
    op: of(ops.conv2dOp),
    activations: { x: [2, 5, 4, 6] },
    weights: { weight: [3, 3, 2, 6], bias: [6] },
    attrs: { ...filter, groups: 3, ...relu },
  },
  { op: of(ops.batchNormOp), activations: { x: [3, 5, 4, 6] }, weights: statistics, attrs: norm, fixed },
  {
    name: "residual",
    op: of(ops.batchNormOp),
    activations: { x: [3, 5, 4, 6], residual: [3, 5, 4, 6] },
    weights: statistics,
    attrs: { ...norm, ...relu },
    fixed,
  },
];

/** An op on two copies of its inputs, the gradients of which are added up: outputs and gradients in f32. */
async function run(given: Case, half: boolean): Promise<{ outputs: Outputs; kernels: readonly string[] }> {
  const gpu = await testGpu();
  const device = given.device ?? { features: [], software: true };
  const graph = new Graph({ mode: "train", device });
  const random = new Random(3, "half");
  const feeds: Record<string, Float32Array> = {};
  const input = (name: string, shape: readonly number[], wanted: boolean): Tensor => {
    // Numbers that f16 holds too.
    const values = Float32Array.from(
      { length: shape.reduce((a, b) => a * b) },
      () => Math.round(2048 * random.uniform() - 1024) / 1024 + (name === "runningVar" ? 1.5 : 0),
    );
    feeds[name] = pad(values, shape);
    return graph.input(name, shape, "f32", wanted);
  };
  const cast = (x: Tensor, to: "f16" | "f32"): Tensor =>
    half ? graph.apply(ops.castOp, `${x.name}.${to}`, { x }, { to }).y : x;
  const wanted = (name: string): boolean => !given.fixed?.includes(name);
  const inputs: Record<string, Tensor> = {};
  const used: Record<string, Tensor> = {};
  for (const [name, shape] of Object.entries({ ...given.activations, ...given.weights })) {
    inputs[name] = input(name, shape, wanted(name));
    used[name] = name in given.activations ? cast(inputs[name], "f16") : inputs[name];
  }
  const seeds = ["dy0", "dy1"].map((name): Seed => {
    const y = cast(
      graph.apply(given.op, `op.${name}`, used as never, (given.attrs ?? {}) as never).y!,
      "f32",
    );
    graph.output(`y of ${name}`, y);
    return [y, input(name, y.shape, false)];
  });
  const program = lower(graph, seeds);
  for (const [name, tensor] of Object.entries(inputs)) {
    if (wanted(name)) graph.output(`d${name}`, program.gradients.get(tensor)!);
  }
  const variables = new Variables(gpu);
  const session = await openSession(gpu, program, variables);
  try {
    const outputs = await session.submit(feeds, { step: 1, seed: 5, learningRate: 0 });
    return { outputs, kernels: program.dispatches.map(({ kernel }) => kernel.name) };
  } finally {
    session.destroy();
    variables.destroy();
  }
}

const largestOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe("activations in f16", () => {
  if (!hasHalf) {
    it("are refused where the device lacks shader-f16", async () => {
      const { graphOptions } = await testGpu();
      const make = () => new Graph({ mode: "train", precision: "mixed", ...graphOptions });
      expect(make).toThrow(DeviceError);
      expect(make).toThrow("precision mixed needs the WebGPU feature shader-f16");
      await expect(run(CASES[0]!, true)).rejects.toThrow(ShaderError);
    });
    return;
  }
  it.each(CASES.map((given) => [`${given.op.name} ${given.name ?? ""}`.trim(), given] as const))(
    "%s",
    async (_, given) => {
      const [exact, rounded] = [await run(given, false), await run(given, true)];
      expect(rounded.kernels.some((name) => name.includes("_half_"))).toBe(true);
      for (const [name, values] of Object.entries(exact.outputs)) {
        const got = rounded.outputs[name]!;
        const largest = largestOf(values);
        const error = largestOf(Float32Array.from(values, (value, i) => value - got[i]!));
        // Half a unit in the last of 11 bits, where y is stored, and again for what each of two gradients adds.
        expect(error, `${name}, whose largest is ${largest}`).toBeLessThan(3 * 2 ** -11 * largest);
      }
    },
  );
});

describe("kernels with f16 in memory compile on this device", () => {
  const kernels = Object.values<Kernel>(shaders).filter((kernel) => halfBindings(kernel).length > 0);
  for (const original of kernels) {
    const kernel = withHalf(original, halfBindings(original));
    const lacking = kernel.features.filter((feature) => !capabilities.features.includes(feature));
    it(`${kernel.name}${lacking.length > 0 ? ` is refused without ${lacking.join()}` : ""}`, async () => {
      const required = Object.entries(kernel.constants).filter(([, needed]) => needed);
      const constants = Object.fromEntries(required.map(([name]) => [name, 1]));
      const pipeline = (await testGpu()).pipelines.compile(kernel, constants);
      if (lacking.length > 0) await expect(pipeline).rejects.toThrow(ShaderError);
      else await pipeline;
    });
  }
});
