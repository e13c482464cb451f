/** The declaration of an op: its tests, its test in f16 and its rows in the bench come from here. */
import type { OpNode, Tensors } from "../../../src/graph/op.ts";
import { bytesWithin, type Tensor } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { type Arrays, size } from "../../../src/testing/arrays.ts";
import { type Shape, shapeOf, type OpCase as TestedCase, type Tolerance } from "../../../src/testing/case.ts";
import type { Referenced } from "../../../src/testing/expected.ts";

export type { Arrays, Shape };
/** Capabilities that an op may rely on, by a name for titles. Skipped if the test device lacks a feature. */
export type Devices = Readonly<Record<string, Capabilities>>;

export interface OpCase<Attrs = unknown> extends TestedCase<Attrs> {
  /** Default the shapes of its inputs. */
  readonly name?: string;
  /** Default the op's. */
  readonly devices?: Devices;
  /** Also run once with each variant whose name this accepts, chosen by a tuning table. */
  readonly variants?: (name: string) => boolean;
  /** Default the op's. */
  readonly tolerance?: Tolerance;
  /** Whether it also runs with its activations in f16. */
  readonly half?: true;
}

export interface Work {
  /** Multiplications and additions; missing if memory alone limits the pass. */
  readonly flops?: number;
  /** Bytes read and written if each pass over a tensor touches it once. */
  readonly bytes: number;
}

export interface OpDeclaration<In extends Tensors = Tensors, Attrs = unknown, Out extends Tensors = Tensors>
  extends Referenced<In, Attrs, Out> {
  readonly cases: readonly OpCase<Attrs>[];
  /** For ops that choose kernels by device. Default one without any features. */
  readonly devices?: Devices;
  /** For the output of this name, and doubled for the gradient of the input of this name. */
  tolerance(given: OpCase<Attrs>, name: string): Tolerance;
  /** The inputs that are activations and may be f16, or why there are none. */
  readonly half: { readonly activations: readonly string[] } | { readonly never: string };
  /**
   * Passes to time, by the inputs that get a gradient. Default a forward pass, where none do, and, if the op has one, a
   * backward pass for all inputs that want a gradient.
   */
  readonly passes?: Readonly<Record<string, readonly string[]>>;
  /** The least work of a pass, whatever its kernels. */
  work(node: OpNode<In, Attrs, Out>, pass: string): Work;
  /** The node that the bench times, if that is not all of the op. */
  timed?(node: OpNode<In, Attrs, Out>): OpNode;
  /** Its shape in the bench's rows. Default that of x. */
  text?(node: OpNode<In, Attrs, Out>): string;
}

/** Checks the types of a declaration, then widens them to one type for lists. */
export const declare = <In extends Tensors, Attrs, Out extends Tensors>(
  declaration: OpDeclaration<NoInfer<In>, NoInfer<Attrs>, NoInfer<Out>> & {
    readonly op: Referenced<In, Attrs, Out>["op"];
  },
): OpDeclaration => declaration as unknown as OpDeclaration;

/** A device without any features. */
export const PLAIN: Devices = { "": { features: [] } };
export const CPU: Capabilities = { features: [], software: true };
/** Makes ops choose the kernels for small subgroups, which are correct on larger ones too. */
export const SMALL_SUBGROUPS: Capabilities = { features: ["subgroups"], software: true };
/** For ops whose kernels depend on subgroups: a CPU without and with them. */
export const WITH_AND_WITHOUT_SUBGROUPS: Devices = { "": CPU, "small subgroups": SMALL_SUBGROUPS };

/** The title of a case on a device. */
export function titleOf({ name, inputs }: OpCase, device: string): string {
  const shapes = Object.entries(inputs).map(([name, spec]) => `${name} (${shapeOf(spec).join(", ")})`);
  return [name ?? shapes.join(" "), device].filter((part) => part !== "").join(", ");
}

/**
 * The passes of a node by the inputs that get a gradient. Gradients that nothing in a network needs, such as that of
 * the images, are not computed.
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

/** Work of an op that reads inputs and writes y, or reads dy and writes gradients; none if y is a view. */
export const streams = ({ inputs, outputs: { y } }: OpNode): Work => {
  const tensors = Object.values(inputs);
  return { bytes: tensors.some((x) => x?.storage === y!.storage) ? 0 : bytes(...tensors, y) };
};
