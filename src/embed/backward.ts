import { ShapeError } from "../base/errors.ts";
import { differentiate } from "../graph/autodiff.ts";
import type { Tensors } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { gradients as rules } from "../ops/gradients.ts";
import type { BufferRange } from "./check.ts";
import type { PreparedOp } from "./op.ts";
import {
  alone,
  checkWanted,
  type InputSpecs,
  type PrepareOptions,
  prepare,
  type Wanted,
  type WithAttrs,
  type WithOptions,
} from "./prepare.ts";

/** Which gradients `prepareBackward` computes, and whether it adds them. */
export interface BackwardOptions<Name extends string = string> extends PrepareOptions {
  /** The inputs whose gradients are computed, which are f32. Default all f32 ones that have a gradient. */
  readonly gradients?: readonly Name[];
  /** Whether gradients are added to what their buffers hold. Default false: they overwrite it. */
  readonly accumulate?: boolean;
}

/**
 * A buffer for each tensor that the gradients need or are: inputs and outputs of the forward pass by their names, `dy`
 * for the gradient that arrives at y, `dx` for that of x. Which of the first are needed depends on the op: those in
 * `tensors` of what is prepared.
 */
export type BackwardBuffers<In extends Tensors, Out extends Tensors> = {
  readonly [K in keyof In | keyof Out | "live"]?: BufferRange | undefined;
} & { readonly [K in `d${string & (keyof In | keyof Out)}`]?: BufferRange | undefined };

/**
 * Compiles the kernels of the gradients of an op's inputs and allocates the memory that they need besides the caller's
 * buffers, its `workspaceBytes`. Differentiated is the output `y`, or the output `loss` of an op that has no y; losses that
 * write their gradient in the forward pass are refused, with a word on how to get it.
 * Rejects with a ShapeError if the shapes do not fit the op or it has no such gradient, and with a DataError if `tuning` is
 * not a valid table.
 */
export function prepareBackward<In extends Tensors, Options, Attrs, Out extends Tensors>(
  device: GPUDevice,
  op: WithOptions<In, Options, Attrs, Out>,
  inputs: InputSpecs<In>,
  options: Options,
  more?: BackwardOptions<string & keyof In>,
): Promise<PreparedOp<BackwardBuffers<In, Out>>>;
export function prepareBackward<In extends Tensors, Attrs, Out extends Tensors>(
  device: GPUDevice,
  op: WithAttrs<In, Attrs, Out>,
  inputs: InputSpecs<In>,
  attrs: Attrs,
  more?: BackwardOptions<string & keyof In>,
): Promise<PreparedOp<BackwardBuffers<In, Out>>>;
export async function prepareBackward(
  device: GPUDevice,
  op: Wanted["op"],
  inputs: Wanted["inputs"],
  options: unknown,
  more: BackwardOptions = {},
): Promise<PreparedOp<never>> {
  const isF32 = (name: string): boolean => {
    const spec = inputs[name];
    return spec !== undefined && !("shape" in spec && spec.dtype !== "f32");
  };
  const { gradients = Object.keys(inputs).filter(isF32), accumulate = false } = more;
  const wanted = { op, inputs, options, gradients };
  checkWanted(wanted);
  const name = `d(${op.name})`;
  const node = await alone(device, wanted, more);
  const { graph, outputs } = node;
  const { y, loss } = outputs;
  if (op.backward === undefined || !(y ?? loss)) {
    throw new ShapeError(op.name, "has no gradients", y || loss ? "no backward" : "no output y or loss");
  }
  const dy = y && graph.input("dy", y.shape, y.storage.dtype);
  const { dispatches, gradients: found } = differentiate(
    graph,
    graph.nodes,
    [y ? [y, dy!] : [loss!, null]],
    rules,
    { accumulate },
  );
  const results = gradients.flatMap((input): [string, Tensor][] => {
    if (`d${input}` in outputs) {
      const instead = "prepareOp with { backward: true } prepares it";
      throw new ShapeError(op.name, `its forward pass writes d${input}`, instead);
    }
    const gradient = found.get(node.inputs[input]!);
    if (gradient) return [[`d${input}`, gradient]];
    if (!more.gradients) return [];
    throw new ShapeError(op.name, "gives no gradient", `for ${input}`);
  });
  const used = new Set(dispatches.flatMap(({ bindings }) => Object.values(bindings).map((t) => t.storage)));
  const all = [...Object.entries({ ...node.inputs, ...outputs, ...(dy && { dy }) }), ...results];
  const tensors = Object.fromEntries(all.filter(([, { storage }]) => used.has(storage)));
  return prepare(device, name, tensors, { graph, dispatches });
}
