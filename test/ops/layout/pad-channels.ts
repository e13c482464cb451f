import { padChannelsOp } from "../../../src/ops/layout/pad-channels.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { padChannels as reference } from "../../support/reference/layout.ts";

/** Channels, those with zeros, and the zeros before: within a vec4, into the next, several more, and none; from each lane. */
const CHANNELS: readonly (readonly [C: number, channels: number, before?: number])[] = [
  [8, 16],
  [5, 7],
  [3, 6],
  [2, 17],
  [1, 4],
  [6, 6],
  [1, 2, 1],
  [5, 12, 2],
  [3, 6, 3],
  [3, 17, 9],
  [8, 12, 4],
];

export const padChannels = declare({
  op: padChannelsOp,
  reference: ({ x }, { channels, before }) => ({ y: reference(x!, channels, before) }),
  cases: [[2, 3, 5], [3]].flatMap((rows) =>
    CHANNELS.map(([C, channels, before]) => ({
      name: `(${rows}) × ${C} to ${channels}${before === undefined ? "" : `, ${before} before`}`,
      inputs: { x: [...rows, C] },
      attrs: { channels, ...(before !== undefined && { before }) },
      ...(C === 3 && { half: true as const }),
    })),
  ),
  tolerance: () => 1e-7,
  half: { activations: ["x"] },
  work: streams,
});
