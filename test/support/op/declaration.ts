/** What is declared of an op, once: its tests, the test in f16 and the bench's rows come from here. */
import type { Random } from "../../../src/base/random.ts";
import type { Op, OpNode, Tensors } from "../../../src/graph/op.ts";
import { bytesWithin, type DType, type Tensor } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import type { Live } from "../../../src/run/live.ts";
import { type NdArray, size } from "../reference/ndarray.ts";

export type Shape = readonly number[];
type InputSpec = Shape | { readonly shape: Shape; readonly dtype: DType };
export type Arrays = Readonly<Record<string, NdArray>>;
/** What to let an op count on, by a name for the titles. Where the test device lacks a feature, it is left out. */
export type Devices = Readonly<Record<string, Capabilities>>;

/** Allowed difference, relative to the largest number expected; or how far from a number expected it may be. */
export type Tolerance = number | ((expected: number) => number);

export interface OpCase<Attrs = unknown> {
  /** Default the shapes of its inputs. */
  readonly name?: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly attrs: Attrs;
  /** How to fill an input, element by element in logical order; default uniform in [−1, 1). */
  readonly values?: Readonly<Record<string, (random: Random, i: number) => number>>;
  /** Inputs whose gradients are checked; default all f32 inputs. */
  readonly grads?: readonly string[];
  /** Default the op's. */
  readonly devices?: Devices;
  /** Tried with tables, too, that name one variant of the op's passes: with all whose names this lets through. */
  readonly variants?: (name: string) => boolean;
  /** Default the op's. */
  readonly tolerance?: Tolerance;
  /** Whether it is also tried with its activations in f16. */
  readonly half?: true;
}

export interface Work {
  /** Multiplications and additions of products; missing where memory is all that counts. */
  readonly flops?: number;
  /** Bytes to be read and written if each pass over a tensor touches it once. */
  readonly bytes: number;
}

export interface OpDeclaration<In extends Tensors = Tensors, Attrs = unknown, Out extends Tensors = Tensors> {
  readonly op: Op<In, Attrs, Out>;
  /** The op in f64. Keys of the result are outputs of the op, or inputs that the op updates in place. */
  reference(inputs: Arrays, attrs: Attrs): Arrays;
  /**
   * Its gradients in f64, of the mean for a loss. Default central differences of y; for ops that have no y, or whose
   * gradients are others.
   */
  gradients?(inputs: Arrays, attrs: Attrs, dy: NdArray): Arrays;
  readonly cases: readonly OpCase<Attrs>[];
  /** For ops that choose kernels. Default one that has nothing special. */
  readonly devices?: Devices;
  /** For an output of this name; for the gradient of an input of this name it is doubled. */
  tolerance(given: OpCase<Attrs>, name: string): Tolerance;
  /** The inputs that are activations, which may be f16, or why it takes none. */
  readonly half: { readonly activations: readonly string[] } | { readonly never: string };
  /**
   * Passes that are timed, by the inputs that want a gradient. Default a forward pass, of none, and, if the op has one,
   * a backward pass for all inputs that want one.
   */
  readonly passes?: Readonly<Record<string, readonly string[]>>;
  /** What a pass has to do at least, whatever its kernels. */
  work(node: OpNode<In, Attrs, Out>, pass: string): Work;
  /** The node as the bench times it, where that is not all that it does. */
  timed?(node: OpNode<In, Attrs, Out>): OpNode;
  /** Its shape in the bench's rows. Default that of x. */
  text?(node: OpNode<In, Attrs, Out>): string;
}

/** Checks the types of a declaration; in lists all have the same. */
export const declare = <In extends Tensors, Attrs, Out extends Tensors>(
  declaration: OpDeclaration<NoInfer<In>, NoInfer<Attrs>, NoInfer<Out>> & { readonly op: Op<In, Attrs, Out> },
): OpDeclaration => declaration as unknown as OpDeclaration;

/** The live scalars of the tests' steps. */
export const LIVE: Live = { step: 1, seed: 5, learningRate: 0.1 };

/** Nothing that an op could count on. */
export const PLAIN: Devices = { "": { features: [] } };
export const CPU: Capabilities = { features: [], software: true };
/** Makes ops take the kernels for small subgroups, which are right for larger ones too. */
export const SMALL_SUBGROUPS: Capabilities = { features: ["subgroups"], subgroupMaxSize: 4 };
/** For ops whose kernels differ where there are subgroups: a CPU without and with. */
export const WITH_AND_WITHOUT_SUBGROUPS: Devices = { "": CPU, "small subgroups": SMALL_SUBGROUPS };

export const shapeOf = (spec: InputSpec): Shape => ("shape" in spec ? spec.shape : spec);
export const dtypeOf = (spec: InputSpec): DType => ("shape" in spec ? spec.dtype : "f32");

/** The inputs of a case whose gradients are checked. */
export const gradsOf = ({ inputs, grads }: OpCase): readonly string[] =>
  grads ?? Object.keys(inputs).filter((name) => dtypeOf(inputs[name]!) === "f32");

/** What a case on a device is called. */
export function titleOf({ name, inputs }: OpCase, device: string): string {
  const shapes = Object.entries(inputs).map(([name, spec]) => `${name} (${shapeOf(spec).join(", ")})`);
  return [name ?? shapes.join(" "), device].filter((part) => part !== "").join(", ");
}

/**
 * The passes of a node by the inputs that are to get a gradient, of which the node wants some: a gradient that nobody
 * wants in a network, such as that of the images, is not computed.
 */
export function passesOf(
  { op, passes }: OpDeclaration,
  { inputs }: OpNode,
): Record<string, readonly string[]> {
  const wanted = Object.keys(inputs).filter((name) => inputs[name]?.requiresGrad);
  if (!passes) return { forward: [], ...(op.backward && wanted.length > 0 && { backward: wanted }) };
  return Object.fromEntries(
    Object.entries(passes).filter(
      ([, names]) => names.length === 0 || names.some((name) => wanted.includes(name)),
    ),
  );
}

/** The numbers of a tensor. */
export const numbers = ({ shape }: Tensor): number => size(shape);

/** Bytes of whole tensors, padding included. */
export const bytes = (...tensors: readonly (Tensor | undefined)[]): number =>
  tensors.reduce((sum, tensor) => sum + (tensor ? bytesWithin(tensor).size : 0), 0);

/** Of an op that reads its inputs and writes y, and reads dy and writes their gradients; none where y is a view. */
export const streams = ({ inputs, outputs: { y } }: OpNode): Work => {
  const tensors = Object.values(inputs);
  return { bytes: tensors.some((x) => x?.storage === y!.storage) ? 0 : bytes(...tensors, y) };
};
