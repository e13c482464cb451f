import { type Upsample, upsampleOp } from "../../../src/ops/image/upsample.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { upsample as reference } from "../../support/reference/upsample.ts";

/** Twice as large, one axis only, odd ratios, a single pixel, and smaller ones, some pixels of which nothing comes from. */
const SIZES: readonly (readonly [shape: readonly number[], size: Upsample["size"]])[] = [
  [
    [2, 3, 4, 6],
    [6, 8],
  ],
  [
    [1, 4, 3, 5],
    [4, 9],
  ],
  [
    [2, 5, 3, 3],
    [7, 8],
  ],
  [
    [1, 1, 2, 7],
    [3, 3],
  ],
  [
    [1, 11, 9, 2],
    [3, 4],
  ],
];

export const upsample = declare({
  op: upsampleOp,
  reference: ({ x }, attrs) => ({ y: reference(x!, attrs) }),
  cases: (["nearest", "bilinear"] as const).flatMap((mode) =>
    SIZES.map(([shape, size], i) => ({
      name: `${mode}, (${shape}) to ${size.join("×")}`,
      inputs: { x: shape },
      attrs: { size, mode },
      ...(i === 2 && { half: true as const }),
    })),
  ),
  tolerance: () => 2e-6,
  half: { activations: ["x"] },
  work: streams,
});
