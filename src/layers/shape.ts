import type { Tensor } from "../graph/tensor.ts";
import { flattenOp } from "../ops/layout/flatten.ts";

/** x (N, H, W, C) as (N, H·W·C). */
export const flatten = (x: Tensor): Tensor => x.graph.apply(flattenOp, `${x.name}.flatten`, { x }, {}).y;
