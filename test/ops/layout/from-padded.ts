import { fromPaddedOp } from "../../../src/ops/layout/padded.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { nhwcToNchw } from "../../support/reference/layout.ts";
import { LAYOUTS, SHAPES } from "./plain.ts";

export const fromPadded = declare({
  op: fromPaddedOp,
  reference: ({ x }, { to }) => ({
    y: to === "nchw" ? nhwcToNchw(x!) : { shape: [x!.data.length], data: x!.data.slice() },
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
