import type { Tensors } from "../graph/op.ts";

/** An op whose attributes follow from options as layers take them: one number for both axes, padding "same". */
export interface TakesOptions<In extends Tensors, Options, Attrs> {
  /** Options that it does not know stay, to be refused where a node is made. */
  attrsOf(inputs: In, options: Options): Attrs;
}
