import { ShapeError } from "../../base/errors.ts";
import type { Op } from "../../graph/op.ts";
import { NUMBER } from "../../graph/takes.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { dropout } from "../../kernel/shaders.gen.ts";

export interface Dropout {
  /** The share of elements that is dropped, 0 ≤ p < 1. */
  readonly p: number;
  /** Number of the layer: two layers with one number drop the same elements. */
  readonly layer: number;
}

type In = { x: Tensor };
type Out = { y: Tensor };

const isView = (x: Tensor, { p }: Dropout): boolean => p === 0 || x.graph.mode === "eval";

function constantsOf(x: Tensor, { p: P, layer: LAYER }: Dropout) {
  const LENGTH = storedLength(x.shape) / 4;
  return { LENGTH, EXAMPLE: LENGTH / x.shape[0]!, P, LAYER };
}

/**
 * y = x / (1 − p) for the elements that are kept, 0 for the others; x, y of any shape. The mask is a hash of
 * element, step, layer and seed (`pcg4d` in random.ts). In a graph for evaluation y is x.
 *
 * Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 15, 2014.
 */
export const dropoutOp: Op<In, Dropout, Out> = {
  name: "dropout",
  takes: { inputs: { x: "required" }, options: { p: NUMBER, layer: NUMBER } },
  infer({ x }, { p }) {
    if (!(p >= 0 && p < 1)) throw new ShapeError("dropout", "p must be in [0, 1)", `p = ${p}`);
    return { y: { shape: x.shape, dtype: x.storage.dtype } };
  },
  isRandom: ({ p }) => p > 0,
  views: ({ x }, attrs) => (isView(x, attrs) ? { y: x } : {}),
  forward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    if (isView(x, attrs)) return;
    const constants = { ...constantsOf(x, attrs), ACCUMULATE: 0 };
    emit.dispatch(dropout, { x, y }, constants, grid(constants.LENGTH, dropout));
  },
  backward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const dy = emit.gradient(y);
    if (isView(x, attrs)) {
      emit.pass(x, dy);
      return;
    }
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const constants = { ...constantsOf(x, attrs), ACCUMULATE };
    emit.dispatch(dropout, { x: dy, y: dx }, constants, grid(constants.LENGTH, dropout));
  },
};
