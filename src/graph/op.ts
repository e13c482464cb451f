import type { Capabilities } from "../kernel/capabilities.ts";
import type { Kernel, KernelBindings, KernelConstants } from "../kernel/kernel.ts";
import type { DType, Tensor } from "./tensor.ts";

/** What an op says of an output before it exists. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype?: DType;
}

export type Tensors = Readonly<Record<string, Tensor | undefined>>;

/** One launch of a kernel, as plain data: ops, autodiff and planner need no device. */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly bindings: Readonly<Record<string, Tensor>>;
  readonly constants: Readonly<Record<string, number>>;
  readonly workgroups: readonly [number, number, number];
  /** The layer or op that this launch belongs to; names it in profiles and errors. */
  readonly label: string;
}

/** Where a backward kernel puts the gradient of an input: `=` when `accumulate` is 0, `+=` when it is 1. */
export interface GradientTarget {
  readonly tensor: Tensor;
  readonly accumulate: 0 | 1;
}

/** What `forward` and `backward` of an op write their kernels into. */
export interface Emitter {
  /** What the kernels may count on. */
  readonly device: Capabilities;
  /** Appends one launch. Names and number of bindings and constants are checked by the compiler. */
  dispatch<K extends Kernel>(
    kernel: K,
    bindings: KernelBindings<K, Tensor>,
    constants: KernelConstants<K>,
    workgroups: readonly [number, number, number],
  ): void;
  /** Scratch memory, alive from its first to its last use. */
  temporary(name: string, shape: readonly number[], dtype?: DType): Tensor;
  /** Values fixed when the graph is built. */
  constant(name: string, data: Float32Array | Int32Array | Uint32Array): Tensor;
}

export interface BackwardEmitter extends Emitter {
  /** The gradient that has arrived at an output of this node. */
  gradient(output: Tensor): Tensor;
  /** The same where nothing else reads its memory, which the caller has from now on, to overwrite it. */
  take(output: Tensor): Tensor | undefined;
  /** Whether anyone wants the gradient of this input. */
  wants(input: Tensor | undefined): input is Tensor;
  /** Where to put the gradient of an input; ask once for each wanted input, right before writing it. */
  into(input: Tensor): GradientTarget;
  /** The gradient of `input` is `gradient` unchanged (a view of equal stored length): no kernel runs unless types differ. */
  pass(input: Tensor, gradient: Tensor): void;
}

/**
 * One operation. `infer` checks the inputs (throwing ShapeError with the given values) and says the
 * outputs; `forward` and `backward` emit kernels. An op without `backward` stops gradients.
 */
export interface Op<In extends Tensors, Attrs, Out extends Tensors> {
  readonly name: string;
  infer(inputs: In, attrs: Attrs): { readonly [K in keyof Out]: TensorSpec };
  /** Outputs that share the memory of an input instead of having their own (views). */
  views?(inputs: In, attrs: Attrs): { readonly [K in keyof Out]?: Tensor };
  forward(emit: Emitter, node: OpNode<In, Attrs, Out>): void;
  backward?(emit: BackwardEmitter, node: OpNode<In, Attrs, Out>): void;
  /**
   * For an op whose `forward` may run only once a step, because it updates running statistics: outputs that are
   * always kept for the backward pass, and what computes the others again from them, with the same bits. Of other ops
   * `forward` runs again.
   */
  readonly again?: {
    readonly keeps: readonly (string & keyof Out)[];
    forward(emit: Emitter, node: OpNode<In, Attrs, Out>): void;
  };
  /** Whether, in training, its outputs differ from step to step although its inputs do not. */
  isRandom?(attrs: Attrs): boolean;
  /** What computes this node's y and, from it, that of `next`, which alone takes it; undefined where nothing does. */
  fuse?(node: OpNode<In, Attrs, Out>, next: OpNode): Fused | undefined;
}

/** An op with its inputs and attributes, which gives the outputs of two nodes but for the y between them. */
export type Fused = Pick<OpNode, "op" | "inputs" | "attrs">;

/** An op in a graph, with its tensors. */
export interface OpNode<In extends Tensors = Tensors, Attrs = unknown, Out extends Tensors = Tensors> {
  readonly op: Op<In, Attrs, Out>;
  readonly label: string;
  readonly inputs: In;
  readonly attrs: Attrs;
  readonly outputs: Out;
}

/** Whether a node is of this op, whose inputs, attributes and outputs it then has. */
export const isNode = <In extends Tensors, Attrs, Out extends Tensors>(
  node: OpNode,
  op: Op<In, Attrs, Out>,
): node is OpNode<In, Attrs, Out> => node.op === op;
