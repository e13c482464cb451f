import type { Capabilities } from "../kernel/capabilities.ts";
import type { Kernel, KernelBindings, KernelConstants } from "../kernel/kernel.ts";
import type { Takes } from "./takes.ts";
import type { DType, Tensor } from "./tensor.ts";

/** An output as an op infers it, before it exists. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype?: DType;
}

/** Tensors by the names of inputs or outputs; optional ones may be missing. */
export type Tensors = Readonly<Record<string, Tensor | undefined>>;

/** One launch of a kernel, as plain data, so ops, autodiff and the planner need no device. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly bindings: Readonly<Record<string, Tensor>>;
  readonly constants: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  /** The layer or op this launch belongs to, for profiles and errors. */
  readonly label: string;
}

/** Where a backward kernel puts the gradient of an input: `=` when `accumulate` is 0, `+=` when it is 1. */
export interface GradientTarget {
  readonly tensor: Tensor;
  readonly accumulate: 0 | 1;
}

/** Through which an op's `forward` and `backward` emit their launches. */
export interface Emitter {
  /** What kernels may rely on. */
  readonly device: Capabilities;
  /** Appends one launch. TypeScript checks the names of bindings and constants. */
  dispatch<K extends Kernel>(
    kernel: K,
    bindings: KernelBindings<K, Tensor>,
    constants: KernelConstants<K>,
    workgroups: readonly [number, number, number],
  ): void;
  /** Scratch memory, alive from first to last use. */
  temporary(name: string, shape: readonly number[], dtype?: DType): Tensor;
  /** Values fixed when the graph is built. */
  constant(name: string, data: Float32Array | Int32Array | Uint32Array): Tensor;
}

/** Through which an op's `backward` finds the gradients that arrive, and writes those of its inputs. */
export interface BackwardEmitter extends Emitter {
  /** The incoming gradient of an output of this node. Throws ShapeError if there is none. */
  gradient(output: Tensor): Tensor;
  /** Whether gradients start at this output, a loss, whose own gradient is then 1. */
  startsAt(output: Tensor): boolean;
  /** The same gradient for the caller to overwrite; undefined if something else still reads its memory. */
  take(output: Tensor): Tensor | undefined;
  /** Whether the gradient of this input is needed. */
  wants(input: Tensor | undefined): input is Tensor;
  /** Where to write the gradient of an input; call once per wanted input, right before writing. */
  into(input: Tensor): GradientTarget;
  /** Passes `gradient` on to `input` unchanged, as a view; a kernel runs only to convert types or to add. */
  pass(input: Tensor, gradient: Tensor): void;
}

/** Emits the launches of the gradients of a node's inputs. The type of a method, so that a table may hold any. */
export type GradientRule<In extends Tensors, Attrs, Out extends Tensors> = {
  rule(emit: BackwardEmitter, node: OpNode<In, Attrs, Out>): void;
}["rule"];

/** Gradient rules by the names that ops have for them. */
export type GradientRules = Readonly<Record<string, GradientRule<Tensors, unknown, Tensors>>>;

/**
 * One operation. `infer` checks the inputs (throwing ShapeError with the given values) and describes the outputs;
 * `forward` and `backward` emit launches. An output named `loss` may be minimised: (1), a mean, or (k ≥ 3), which begins
 * with a mean, the sum and what that was divided by. Its op multiplies gradients by the live scalar `share`, and takes
 * its own gradient from `passLossGradient`.
 */
export interface Op<In extends Tensors, Attrs, Out extends Tensors> {
  readonly name: string;
  /** Its inputs and options, which are checked before `infer`. The library's own passes are not. */
  readonly takes?: Takes<In, Attrs>;
  /** Shapes and types of the outputs. Throws ShapeError for inputs that do not fit. */
  infer(inputs: In, attrs: Attrs): { readonly [K in keyof Out]: TensorSpec };
  /** Outputs that share the memory of an input (views). */
  views?(inputs: In, attrs: Attrs): { readonly [K in keyof Out]?: Tensor };
  /** Emits the launches that compute the outputs. */
  forward(emit: Emitter, node: OpNode<In, Attrs, Out>): void;
  /**
   * Emits the gradients of the inputs; without it, gradients stop here. Or the name of the rule that does, in
   * src/ops/gradients.ts, which an app that only predicts leaves out.
   */
  readonly backward?: string | GradientRule<In, Attrs, Out>;
  /**
   * Needed if `forward` may run only once a step because it updates running statistics: which outputs are always kept
   * for the backward pass, and how to recompute the others from them, bit for bit. Without it, `forward` runs again.
   */
  readonly again?: {
    readonly keeps: readonly (string & keyof Out)[];
    forward(emit: Emitter, node: OpNode<In, Attrs, Out>): void;
  };
  /** Outputs that are not written: the only node that takes them computes them on the way from this node's others. */
  readonly unwritten?: readonly (string & keyof Out)[];
  /** Whether, in training, equal inputs give different outputs in different steps. */
  isRandom?(attrs: Attrs): boolean;
  /** One node that computes this node and `next`, the only one that takes its y; undefined if they cannot be fused. */
  fuse?(node: OpNode<In, Attrs, Out>, next: OpNode): Fused | undefined;
}

/** An op, inputs and attributes that replace two nodes: their outputs except for the y between them. */
export type Fused = Pick<OpNode, "op" | "inputs" | "attrs">;

/** An op in a graph, with its tensors. */
export interface OpNode<In extends Tensors = Tensors, Attrs = unknown, Out extends Tensors = Tensors> {
  readonly op: Op<In, Attrs, Out>;
  readonly label: string;
  readonly inputs: In;
  readonly attrs: Attrs;
  readonly outputs: Out;
}

/** Whether `node` is of this op; narrows the type of its inputs, attributes and outputs. */
export const isNode = <In extends Tensors, Attrs, Out extends Tensors>(
  node: OpNode,
  op: Op<In, Attrs, Out>,
): node is OpNode<In, Attrs, Out> => node.op === op;
