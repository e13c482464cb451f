import { toPaddedOp } from "../../../src/ops/layout/padded.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { size } from "../../support/reference/ndarray.ts";
import { LAYOUTS, placesIn, SHAPES } from "./plain.ts";

export const toPadded = declare({
  op: toPaddedOp,
  reference({ x }, { from, shape }) {
    const data = new Float64Array(x!.data.length);
    placesIn(from, shape).forEach((place, i) => {
      data[place] = x!.data[i]!;
    });
    return { y: { shape, data } };
  },
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
