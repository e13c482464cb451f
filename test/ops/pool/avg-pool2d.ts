import { type AvgPool2d, avgPool2dOp } from "../../../src/ops/pool/pool.ts";
import { declare, type OpCase, streams } from "../../support/op/declaration.ts";
import { avgPool2d as avgPool2dReference } from "../../support/reference/pool.ts";
import { pool, WINDOWS } from "./windows.ts";

const given = (shape: readonly number[], attrs: AvgPool2d): OpCase<AvgPool2d> => ({
  name: `(${shape}) ${JSON.stringify(attrs)}`,
  inputs: { x: shape },
  attrs,
});

export const avgPool2d = declare({
  op: avgPool2dOp,
  reference: ({ x }, attrs) => ({ y: avgPool2dReference(x!, attrs) }),
  cases: [
    ...WINDOWS.flatMap(({ shape, attrs }, i) =>
      [false, true].map((countIncludePad) => ({
        ...given(shape, { ...attrs, countIncludePad }),
        ...(i === 2 && { half: true as const }),
      })),
    ),
    // Of 2 rows and 1 column below and beside, ceil mode added 1.
    given([2, 6, 7, 5], { ...pool([3, 3], [2, 2], [1, 2, 1, 1]), countIncludePad: true, ceil: [1, 1] }),
  ],
  tolerance: ({ attrs: { kernel } }) => 1e-6 * Math.sqrt(kernel[0] * kernel[1]),
  half: { activations: ["x"] },
  work: streams,
});
