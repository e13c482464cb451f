import type { Random } from "../base/random.ts";
import type { DType } from "../graph/tensor.ts";

/** Extents in logical order, without padding: (N, H, W, C). */
export type Shape = readonly number[];

/** A shape, or `{ shape, dtype }` of an input that is not f32. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype: DType };

/** Allowed difference, relative to the largest expected number; or a function of each expected number. */
export type Tolerance = number | ((expected: number) => number);

/** What an op is tried on. */
export interface OpCase<Attrs = unknown, Name extends string = string> {
  readonly inputs: { readonly [N in Name]: InputSpec };
  readonly attrs: Attrs;
  /** How to fill an input, element by element in logical order; default uniform in [−1, 1). */
  readonly values?: { readonly [N in Name]?: (random: Random, i: number) => number };
  /** Inputs whose gradients are checked; default all f32 inputs. */
  readonly grads?: readonly Name[];
}

export const shapeOf = (spec: InputSpec): Shape => ("shape" in spec ? spec.shape : spec);
export const dtypeOf = (spec: InputSpec): DType => ("shape" in spec ? spec.dtype : "f32");

/** The inputs of a case whose gradients are checked. */
export const gradsOf = ({ inputs, grads }: OpCase): readonly string[] =>
  grads ?? Object.keys(inputs).filter((name) => dtypeOf(inputs[name]!) === "f32");
