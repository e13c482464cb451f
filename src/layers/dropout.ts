import { hashString } from "../base/random.ts";
import type { Tensor } from "../graph/tensor.ts";
import { dropoutOp } from "../ops/elementwise/dropout.ts";

/**
 * Drops a share `p` of the elements in training and scales the rest by 1 / (1 − p). `name`, seed and step determine
 * which elements; give every dropout its own name. Used again (`reuse`), it drops others.
 */
export const dropout = (x: Tensor, name: string, p = 0.5): Tensor =>
  x.graph.apply(dropoutOp, name, { x }, { p, layer: hashString(x.graph.randomName(name)) }).y;
