/** Convolutions and batch norms that do a part of each other's work on a GPU, against the same in f64. */
import { expect, test } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { lower, type Program } from "../../../src/ops/lower.ts";
import { batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { draw } from "../../../src/testing/arrays.ts";
import { expectedOf } from "../../../src/testing/expected.ts";
import type { OpCase } from "../../support/op/declaration.ts";
import type { NdArray } from "../../support/reference/ndarray.ts";
import { testGpu } from "../../support/run/gpu.ts";
import { feedsOf, openProgram } from "../../support/run/run-op.ts";
import { blockDeclaration, cases, conv, gpuOf, type Named, programOf, relu, SMALL } from "./beside-convs.ts";

type Outputs = Named<ArrayLike<number>>;

async function run(program: Program, arrays: Named<NdArray>): Promise<Outputs> {
  const running = await openProgram(program);
  try {
    return await running.step(feedsOf(program, arrays));
  } finally {
    running.close();
  }
}

/**
 * The largest difference of the elements of `array` from what was read, relative to its largest; some gradients are zero but
 * for rounding.
 */
function errorOf(got: ArrayLike<number>, array: NdArray & { readonly elements?: readonly number[] }): number {
  const largest = array.data.reduce((most, v) => Math.max(most, Math.abs(v)), 0.01);
  const errors = array.data.map((v, i) => Math.abs(v - got[array.elements?.[i] ?? i]!));
  return errors.reduce((most, v) => (most >= v ? most : v), 0) / largest;
}

const kernelsOf = ({ dispatches }: Program): string => dispatches.map(({ kernel }) => kernel.name).join(" ");

test.each(cases.map((one) => [one.name!, one] as const))("%s", async (_, one) => {
  const device = gpuOf(SMALL);
  const { inputs, outputs, dy, gradients } = expectedOf(blockDeclaration, one as OpCase);
  const arrays = { ...inputs, dy: dy[0]! };
  const program = programOf(one, device);
  const text = kernelsOf(program);
  expect(text).toContain(`conv2d_forward_between_${SMALL}`);
  expect(text).toContain(`conv2d_grad_weight_after_${SMALL}`);
  const count = (kernel: string): number => text.split(" ").filter((name) => name.startsWith(kernel)).length;
  expect(count("batch_norm_statistics_merge")).toBe(count("batch_norm_statistics"));
  expect(count("batch_norm_forward"), "only those with a residual are written").toBe(2);
  const { activation, second } = one.attrs;
  // A convolution with a stride sums nothing, nor is there a gradient before no activation.
  const sums = (second.stride[0] === 1 ? 1 : 0) + (activation.name === "identity" ? 0 : 1);
  expect(count("conv2d_grad_input_sums")).toBe(sums);
  expect(count("batch_norm_backward_residual"), "of the last, after which there is none").toBe(1);
  const programs = [program, programOf(one, device, false, { fusions: [] })];
  const [got, each] = (await Promise.all(programs.map((p) => run(p, arrays)))) as [Outputs, Outputs];
  const precision = one.name!.includes("300") ? 3e-3 : 1e-4;
  for (const [name, array] of Object.entries(outputs)) {
    expect(errorOf(got[name]!, array), name).toBeLessThan(precision);
  }
  for (const [name, gradient] of Object.entries(gradients[0]!)) {
    expect(errorOf(got[`d${name}`]!, gradient), `d${name}`).toBeLessThan(3 * precision);
  }
  for (const [name, values] of Object.entries(each)) {
    const data = Float64Array.from(values);
    expect(errorOf(got[name]!, { shape: [data.length], data }), `${name}, kept`).toBeLessThan(3 * precision);
  }
});

const { features } = (await testGpu()).capabilities;

test.skipIf(!features.includes("shader-f16"))("activations in f16", async () => {
  const one = cases[1]!;
  const { inputs } = expectedOf(blockDeclaration, one as OpCase);
  const random = new Random(5, "dy");
  const dy = draw([2, 7, 9, 10], () => 2 * random.uniform() - 1);
  const program = programOf(one, gpuOf(SMALL), true);
  expect(kernelsOf(program)).toContain(`conv2d_forward_between_${SMALL}_half_x_y`);
  const [got, exact] = [
    await run(program, { ...inputs, dy }),
    await run(programOf(one, gpuOf(SMALL)), { ...inputs, dy }),
  ];
  for (const [name, values] of Object.entries(exact)) {
    const data = Float64Array.from(values);
    expect(errorOf(got[name]!, { shape: [data.length], data }), name).toBeLessThan(0.02);
  }
});

test("what the host reads is written", () => {
  const graph = new Graph({ mode: "train", device: gpuOf(SMALL) });
  const tensor = (name: string, ...shape: number[]) => graph.input(name, shape, "f32", true);
  const bn = (name: string, x: Tensor): Tensor =>
    graph.apply(
      batchNormOp,
      name,
      {
        ...{ x, weight: tensor(`${name}w`, 8), bias: tensor(`${name}b`, 8) },
        ...{ runningMean: tensor(`${name}m`, 8), runningVar: tensor(`${name}v`, 8) },
      },
      { ...{ mode: "train", eps: 1e-5, momentum: 0.1 }, activation: relu },
    ).y;
  const convolution = (name: string, x: Tensor): Tensor =>
    graph.apply(conv2dOp, name, { x, weight: tensor(`${name}w`, 1, 1, 8, 8), bias: undefined }, conv(1, 0)).y;
  const inner = bn("bn1", convolution("a", tensor("x", 2, 6, 6, 8)));
  const y = bn("bn2", convolution("b", inner));
  const before = lower(graph, [[y, tensor("dy", 2, 6, 6, 8)]]);
  expect(before.dispatches.some(({ bindings }) => Object.values(bindings).includes(inner))).toBe(false);
  graph.output("inner", inner);
  const after = lower(graph, [[y, tensor("dy2", 2, 6, 6, 8)]]);
  const writes = after.dispatches.filter(({ bindings }) => bindings.y === inner);
  expect(writes.map(({ kernel }) => kernel.name)).toEqual(["batch_norm_forward"]);
});
