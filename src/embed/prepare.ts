/** What a single op's forward pass and its gradients have in common: a graph on the caller's tensors, and its launches. */
import { OutOfMemoryError, ShapeError } from "../base/errors.ts";
import { capabilitiesOf, describeAdapter } from "../gpu/device.ts";
import { narrowSubgroups } from "../gpu/narrow-subgroups.ts";
import { Tuning, type TuningTable } from "../gpu/tuning.ts";
import { Graph } from "../graph/graph.ts";
import type { Dispatch, Op, Tensors } from "../graph/op.ts";
import type { DType, Tensor } from "../graph/tensor.ts";
import type { TakesOptions } from "../ops/options.ts";
import { plan } from "../plan/plan.ts";
import { gpuOf } from "./device.ts";
import { PreparedOp } from "./op.ts";

/** A `T` for each input of an op; optional inputs may be left out. */
export type ForEach<In extends Tensors, T> = {
  readonly [K in keyof In as undefined extends In[K] ? never : K]: T;
} & { readonly [K in keyof In as undefined extends In[K] ? K : never]?: T | undefined };

/** A shape, or `{ shape, dtype }` for a tensor that is not f32. */
export type InputSpec = readonly number[] | { readonly shape: readonly number[]; readonly dtype: DType };

/** Shape and dtype of each input of an op. */
export type InputSpecs<In extends Tensors> = ForEach<In, InputSpec>;

/** An op that takes options as its layer does, and one that takes its attributes. */
export type WithOptions<In extends Tensors, Options, Attrs, Out extends Tensors> = Op<In, Attrs, Out> &
  TakesOptions<In, Options, Attrs>;
export type WithAttrs<In extends Tensors, Attrs, Out extends Tensors> = Op<In, Attrs, Out> & {
  readonly attrsOf?: never;
};

/** Options of `prepareOp` and `prepareBackward`. */
export interface PrepareOptions {
  /** Measurements of this device, from `gpu.tuning.export()`. A table of another device is ignored. */
  readonly tuning?: TuningTable;
}

/** Any op, and what to make of its inputs. */
export interface Wanted {
  readonly op: Op<Tensors, unknown, Tensors> & Partial<TakesOptions<Tensors, unknown, unknown>>;
  readonly inputs: Readonly<Record<string, InputSpec | undefined>>;
  readonly options: unknown;
  /** Inputs whose gradients are computed. */
  readonly gradients?: readonly string[];
  /** Whether all f32 inputs have gradients, which are computed elsewhere. */
  readonly requiresGrad?: boolean;
}

/** The node of an op by itself. */
export interface Alone {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly outputs: Readonly<Record<string, Tensor>>;
}

/** An op on inputs of these shapes. Rejects with a ShapeError where they do not fit it. */
export async function alone(
  device: GPUDevice,
  { op, inputs: specs, options, gradients = [], requiresGrad = false }: Wanted,
  { tuning: table }: PrepareOptions,
): Promise<Alone> {
  const tuning = new Tuning(describeAdapter(device.adapterInfo));
  if (table) tuning.import(table);
  const subgroupSize = await narrowSubgroups(device, device.adapterInfo);
  const capabilities = {
    ...capabilitiesOf(device, device.adapterInfo, tuning),
    ...(subgroupSize && { subgroupSize }),
  };
  const { maxStorageBufferBindingSize: maxBindingBytes } = device.limits;
  const graph = new Graph({
    mode: requiresGrad || gradients.length > 0 ? "train" : "eval",
    maxBindingBytes,
    device: capabilities,
  });
  const inputs: Record<string, Tensor> = {};
  for (const [name, spec] of Object.entries(specs)) {
    if (!spec) continue;
    const { shape, dtype } = "shape" in spec ? spec : { shape: spec, dtype: "f32" as const };
    // A parameter's gradient is memory of its own, and never another gradient under a second name.
    inputs[name] = gradients.includes(name)
      ? graph.tensor(name, shape, { role: "parameter", requiresGrad: true })
      : graph.input(name, shape, dtype, requiresGrad && dtype === "f32");
  }
  const attrs = op.attrsOf ? op.attrsOf(inputs, options) : options;
  const applied = Object.entries(graph.apply(op, op.name, inputs, attrs));
  const outputs = Object.fromEntries(applied.flatMap(([name, tensor]) => (tensor ? [[name, tensor]] : [])));
  return { graph, inputs, outputs };
}

/** Plans launches around the caller's tensors, compiles them and allocates what they need besides. */
export async function prepare<Buffers>(
  device: GPUDevice,
  name: string,
  tensors: Readonly<Record<string, Tensor>>,
  program: { readonly graph: Graph; readonly dispatches: readonly Dispatch[] },
): Promise<PreparedOp<Buffers>> {
  const { maxStorageBufferBindingSize: maxBindingBytes, maxBufferSize: maxBufferBytes } = device.limits;
  const given = new Set(Object.values(tensors).map(({ storage }) => storage));
  const planned = plan({ ...program, given }, { maxBindingBytes, maxBufferBytes });
  const pipelines = await gpuOf(device).pipelines.compileAll(planned.dispatches);
  device.pushErrorScope("out-of-memory");
  const prepared = new PreparedOp<Buffers>(device, name, tensors, planned, pipelines);
  const error = await device.popErrorScope();
  if (error) {
    prepared.destroy();
    throw new OutOfMemoryError(`${name}: ${error.message}`);
  }
  return prepared;
}

/** Throws ShapeError for names that are no inputs of an op, or no f32 ones. */
export function checkWanted({ op, inputs, gradients = [] }: Wanted): void {
  for (const name of gradients) {
    const spec = inputs[name];
    const known = Object.keys(inputs).join(", ");
    if (!spec)
      throw new ShapeError(op.name, "has no such input to differentiate", `${name}; given are ${known}`);
    if ("shape" in spec && spec.dtype !== "f32") {
      throw new ShapeError(op.name, "gradients are of f32 inputs", `${name} is ${spec.dtype}`);
    }
  }
}
