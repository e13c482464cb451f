/**
 * Whether nodes that do a part of each other's work on a GPU compute what each computes alone. Kernels that work alone are
 * checked before (check-kernels.ts), so no results are stored.
 */
import type { Gpu } from "../../gpu/device.ts";
import { Graph } from "../../graph/graph.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Capabilities, Task } from "../../kernel/capabilities.ts";
import { conv2dOp } from "../../ops/conv/conv2d.ts";
import { activationOp } from "../../ops/elementwise/activation.ts";
import { addOp } from "../../ops/elementwise/add.ts";
import { castOp } from "../../ops/elementwise/cast.ts";
import { FUSIONS, fusionsFor } from "../../ops/fusions.ts";
import { lower } from "../../ops/lower.ts";
import { batchNormOp } from "../../ops/norm/batch-norm.ts";
import type { Steps } from "../../plan/plan.ts";
import { outputsOf, type WrongKernel } from "./check-kernels.ts";

/** Allowed difference of two results, relative to the root mean square of their numbers. */
const ALLOWED = 1e-3;
const ALLOWED_IN_F16 = 5e-2;

/** The variants of a convolution's passes that go together. */
export type ConvVariants = Readonly<Record<"forward" | "grad_input" | "grad_weight", string>>;

/** As few choices as hold each variant once. */
export function choicesOf(variants: Readonly<Record<keyof ConvVariants, readonly string[]>>): ConvVariants[] {
  const { forward, grad_input, grad_weight } = variants;
  const lists = [forward, grad_input, grad_weight];
  if (lists.some(({ length }) => length === 0)) return [];
  const length = Math.max(...lists.map((list) => list.length));
  const at = (list: readonly string[], i: number): string => list[i % list.length]!;
  return Array.from({ length }, (_, i) => ({
    forward: at(forward, i),
    grad_input: at(grad_input, i),
    grad_weight: at(grad_weight, i),
  }));
}

/**
 * Trains a block of a ResNet for a step, with and without fusions, by each choice of variants that was not found right
 * before. Where the results differ, bars the fusions in `gpu.tuning`, so that each node works alone, and returns them.
 */
export async function checkFusions(
  gpu: Gpu,
  choices: readonly ConvVariants[],
  half: boolean,
): Promise<WrongKernel | undefined> {
  const { capabilities, tuning, adapter } = gpu;
  for (const choice of choices) {
    const names = Object.entries(choice).map(([pass, variant]) => `${pass} ${variant}`);
    const kernel = ["training fusions", ...names, ...(half ? ["f16"] : [])].join(" ");
    const tuned = ({ op, pass }: Task): string | undefined =>
      op === "conv2d" ? choice[pass as keyof ConvVariants] : undefined;
    const device = { ...capabilities, tuned, ...(half && { activations: "f16" as const }) };
    if (tuning.tested.has(kernel) || fusionsFor(new Graph({ mode: "train", device })).length === 0) continue;
    const alone = await outputsOf(gpu, block(device, false), 1);
    if (!alone) return undefined; // It is not the fusions that do not run.
    const fused = await outputsOf(gpu, block(device, true), 1);
    const errors = Object.entries(alone).map(([name, values]) => difference(values, fused?.[name]));
    const error = Math.max(0, ...errors);
    if (error > (half ? ALLOWED_IN_F16 : ALLOWED)) {
      tuning.fail(FUSIONS.task, FUSIONS.variant);
      return { kernel, adapter, error };
    }
    tuning.tested.add(kernel);
  }
  return undefined;
}

/** A step of a block of a ResNet with a shortcut: every fusion is in it. */
function block(device: Capabilities, fuse: boolean): Steps {
  const graph = new Graph({ mode: "train", device });
  const given: Tensor[] = [];
  const input = (name: string, ...shape: number[]): Tensor => {
    const tensor = graph.input(name, shape, "f32", true);
    given.push(tensor);
    return tensor;
  };
  const cast = (x: Tensor, to: "f16" | "f32"): Tensor =>
    device.activations ? graph.apply(castOp, `${x.name}.${to}`, { x }, { to }).y : x;
  const conv = (name: string, x: Tensor, size: number, channels: number): Tensor => {
    const weight = input(`${name}.weight`, size, size, x.shape[3]!, channels);
    const pad = (size - 1) / 2;
    const inputs = { x, weight, bias: undefined };
    const attrs = { stride: [1, 1], dilation: [1, 1], padding: [pad, pad, pad, pad], groups: 1 } as const;
    return graph.apply(conv2dOp, name, inputs, attrs).y;
  };
  const norm = (name: string, x: Tensor): Tensor => {
    const vector = (part: string): Tensor => input(`${name}.${part}`, x.shape[3]!);
    const running = (part: string): Tensor =>
      graph.tensor(`${name}.${part}`, [x.shape[3]!], { role: "state" });
    const vectors = { weight: vector("weight"), bias: vector("bias") };
    const statistics = { runningMean: running("mean"), runningVar: running("var") };
    const attrs = { mode: "train", eps: 1e-5, momentum: 0.1 } as const;
    return graph.apply(batchNormOp, name, { x, ...vectors, ...statistics }, attrs).y;
  };
  const relu = (name: string, x: Tensor): Tensor =>
    graph.apply(activationOp, name, { x }, { name: "relu" }).y;

  const x = cast(input("x", 2, 9, 10, 20), "f16");
  const first = relu("relu1", norm("bn1", conv("conv1", x, 1, 36)));
  const main = norm("bn2", conv("conv2", first, 3, 20));
  const shortcut = norm("bn3", conv("conv3", x, 1, 20));
  const sum = relu("relu2", graph.apply(addOp, "add", { a: main, b: shortcut }, {}).y);
  const y = cast(conv("conv4", sum, 1, 20), "f32");
  const dy = graph.input("dy", y.shape);
  const program = lower(graph, [[y, dy]], fuse ? {} : { fusions: [] });
  graph.output("y", y);
  for (const tensor of given) graph.output(`d${tensor.name}`, program.gradients.get(tensor)!);
  return program;
}

/** The largest difference, relative to the root mean square of `values`; infinite where one is no number or missing. */
function difference(values: ArrayLike<number>, others: ArrayLike<number> | undefined): number {
  if (!others) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const apart = Math.abs(values[i]! - others[i]!);
    if (!(apart <= largest)) largest = Number.isNaN(apart) ? Number.POSITIVE_INFINITY : apart;
    squares += values[i]! ** 2;
  }
  return largest / Math.sqrt(squares / values.length);
}
