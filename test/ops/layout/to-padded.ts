import { toPaddedOp } from "../../../src/ops/layout/padded.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { nchwToNhwc } from "../../support/reference/layout.ts";
import { size } from "../../support/reference/ndarray.ts";
import { LAYOUTS, SHAPES } from "./plain.ts";

export const toPadded = declare({
  op: toPaddedOp,
  reference: ({ x }, { from, shape }) => ({
    y: from === "nchw" ? nchwToNhwc(x!, shape) : { shape, data: x!.data.slice() },
  }),
  cases: SHAPES.flatMap((shape) =>
    LAYOUTS.map((from) => ({
      name: `${from} to (${shape})`,
      inputs: { x: [size(shape)] },
      attrs: { from, shape },
      ...(from === "nchw" && shape === SHAPES[3] && { half: true as const }),
    })),
  ),
  tolerance: () => 1e-6,
  half: { activations: ["x"] },
  work: streams,
  text: ({ outputs: { y } }) => y.shape.join("×"),
});
