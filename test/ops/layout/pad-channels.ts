import { padChannelsOp } from "../../../src/ops/layout/pad-channels.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { padChannels as reference } from "../../support/reference/layout.ts";

/** Within a vec4, into the next, several more, and none; from each lane. */
const CHANNELS = [
  [8, 16],
  [5, 7],
  [3, 6],
  [2, 17],
  [1, 4],
  [6, 6],
] as const;

export const padChannels = declare({
  op: padChannelsOp,
  reference: ({ x }, { channels }) => ({ y: reference(x!, channels) }),
  cases: [[2, 3, 5], [3]].flatMap((rows) =>
    CHANNELS.map(([C, channels]) => ({
      name: `(${rows}) × ${C} to ${channels}`,
      inputs: { x: [...rows, C] },
      attrs: { channels },
      ...(C === 3 && { half: true as const }),
    })),
  ),
  tolerance: () => 1e-7,
  half: { activations: ["x"] },
  work: streams,
});
