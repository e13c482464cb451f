import { fromPaddedOp } from "../../../src/ops/layout/padded.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { LAYOUTS, placesIn, SHAPES } from "./plain.ts";

export const fromPadded = declare({
  op: fromPaddedOp,
  reference: ({ x }, { to }) => ({
    y: {
      shape: [x!.data.length],
      data: Float64Array.from(placesIn(to, x!.shape as never), (place) => x!.data[place]!),
    },
  }),
  cases: SHAPES.flatMap((shape) =>
    LAYOUTS.map((to) => ({
      name: `(${shape}) to ${to}`,
      inputs: { x: shape },
      attrs: { to },
      ...(to === "nchw" && shape === SHAPES[3] && { half: true as const }),
    })),
  ),
  tolerance: () => 1e-6,
  half: { activations: ["x"] },
  work: streams,
});
