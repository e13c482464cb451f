import { lowerForward } from "../graph/lower.ts";
import type { Tensors } from "../graph/op.ts";
import type { BufferRange } from "./check.ts";
import type { PreparedOp } from "./op.ts";
import {
  alone,
  type ForEach,
  type InputSpecs,
  type PrepareOptions,
  prepare,
  type Wanted,
  type WithAttrs,
  type WithOptions,
} from "./prepare.ts";

/** A buffer for each input and output, and `live` for ops that read it. Outputs that are views of inputs need none. */
export type OpBuffers<In extends Tensors, Out extends Tensors> = ForEach<In, BufferRange> & {
  readonly [K in keyof Out | "live"]?: BufferRange;
};

/** Options of `prepareOp`. */
export interface ForwardOptions extends PrepareOptions {
  /** Whether outputs are written too that only its gradients need, such as `dprediction` of a loss. Default false. */
  readonly backward?: boolean;
}

/**
 * Infers an op's outputs for inputs of these shapes, compiles its forward kernels, and allocates the memory it needs
 * besides the caller's buffers. `options` are as the op's layer takes them: `{ stride: 2, padding: "same" }`. Rejects with
 * a ShapeError if the shapes do not fit the op, and with a DataError if `tuning` is not a valid table.
 */
export function prepareOp<In extends Tensors, Options, Attrs, Out extends Tensors>(
  device: GPUDevice,
  op: WithOptions<In, Options, Attrs, Out>,
  inputs: InputSpecs<In>,
  options: Options,
  more?: ForwardOptions,
): Promise<PreparedOp<OpBuffers<In, Out>>>;
export function prepareOp<In extends Tensors, Attrs, Out extends Tensors>(
  device: GPUDevice,
  op: WithAttrs<In, Attrs, Out>,
  inputs: InputSpecs<In>,
  attrs: Attrs,
  more?: ForwardOptions,
): Promise<PreparedOp<OpBuffers<In, Out>>>;
export async function prepareOp(
  device: GPUDevice,
  op: Wanted["op"],
  inputs: Wanted["inputs"],
  options: unknown,
  more: ForwardOptions = {},
): Promise<PreparedOp<never>> {
  const node = await alone(device, { op, inputs, options, requiresGrad: more.backward === true }, more);
  // A view of an input is already in the caller's buffer.
  const given = new Set(Object.values(node.inputs).map(({ storage }) => storage));
  const written = Object.entries(node.outputs).filter(([, { storage }]) => !given.has(storage));
  const tensors = { ...node.inputs, ...Object.fromEntries(written) };
  return prepare(device, op.name, tensors, lowerForward(node.graph));
}
