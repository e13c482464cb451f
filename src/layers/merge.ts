import { ShapeError } from "../base/errors.ts";
import { describe, type Tensor } from "../graph/tensor.ts";
import { addOp } from "../ops/elementwise/add.ts";
import { averageOp } from "../ops/elementwise/average.ts";
import type { Branches } from "../ops/elementwise/branches.ts";
import { mulOp } from "../ops/elementwise/mul.ts";
import { subOp } from "../ops/elementwise/sub.ts";
import { concatOp } from "../ops/layout/concat.ts";
import { type ActivationLike, activation } from "./activation.ts";

/** f(a + b), elementwise: a residual connection. a, b (…, C) have the same shape. The default name is made of a's. */
export function add(a: Tensor, b: Tensor, f: ActivationLike = "identity", name = `${a.name}.add`): Tensor {
  return activation(a.graph.apply(addOp, name, { a, b }, {}).y, f, name);
}

/**
 * a b, elementwise. b has a's shape (…, C), or scales a (N, H, W, C) by a number for each channel of each image, (N, C), as
 * squeeze-and-excitation does, or for each pixel, (N, H, W, 1), as spatial attention does. Throws ShapeError for others.
 * Hu et al., "Squeeze-and-Excitation Networks", 2018.
 */
export const mul = (a: Tensor, b: Tensor, name = `${a.name}.mul`): Tensor =>
  a.graph.apply(mulOp, name, { a, b }, {}).y;

/** a − b, elementwise. a, b (…, C) have the same shape. Throws ShapeError for others. */
export const sub = (a: Tensor, b: Tensor, name = `${a.name}.sub`): Tensor =>
  a.graph.apply(subOp, name, { a, b }, {}).y;

/** Elementwise mean of two to six tensors of the same shape. */
export const average = (...xs: readonly Tensor[]): Tensor => {
  const branches = toBranches("average", xs);
  return branches.x0.graph.apply(averageOp, `${branches.x0.name}.average`, branches, {}).y;
};

/** Joins two to six tensors (…, C0), (…, C1), … along their channels. */
export const concat = (...xs: readonly Tensor[]): Tensor => {
  const branches = toBranches("concat", xs);
  return branches.x0.graph.apply(concatOp, `${branches.x0.name}.concat`, branches, {}).y;
};

/** Throws ShapeError unless there are two to six. */
export function toBranches(operation: string, xs: readonly Tensor[]): Branches {
  const [x0, x1, x2, x3, x4, x5] = xs;
  if (!x0 || !x1 || xs.length > 6) {
    throw new ShapeError(operation, "takes two to six tensors", xs.map(describe).join(", ") || "none");
  }
  return { x0, x1, x2, x3, x4, x5 };
}
