import type { Tensor } from "../graph/tensor.ts";
import { flattenOp } from "../ops/layout/flatten.ts";
import { padChannelsOp } from "../ops/layout/pad-channels.ts";

/** x (N, H, W, C) as (N, H·W·C). */
export const flatten = (x: Tensor): Tensor => x.graph.apply(flattenOp, `${x.name}.flatten`, { x }, {}).y;

/**
 * x (…, C) with zeros in more channels: (…, channels); x itself if it has as many. Throws ShapeError if it has more.
 */
export const padChannels = (x: Tensor, channels: number): Tensor =>
  x.shape.at(-1) === channels
    ? x
    : x.graph.apply(padChannelsOp, `${x.name}.padChannels`, { x }, { channels }).y;
