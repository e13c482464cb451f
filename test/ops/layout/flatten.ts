import { flattenOp } from "../../../src/ops/layout/flatten.ts";
import { declare, streams } from "../../support/op/declaration.ts";

export const flatten = declare({
  op: flattenOp,
  reference: ({ x }) => ({ y: { shape: [x!.shape[0]!, x!.data.length / x!.shape[0]!], data: x!.data } }),
  cases: [
    { inputs: { x: [2, 3, 5, 7] }, attrs: {}, half: true },
    ...[
      [2, 3, 5, 8],
      [3, 1, 1, 6],
      [1, 7, 3, 1],
      [3, 2, 2, 2],
      [1, 1, 2, 3],
      [5, 3, 3, 65],
    ].map((shape) => ({ inputs: { x: shape }, attrs: {} })),
  ],
  tolerance: () => 1e-7,
  half: { activations: ["x"] },
  work: streams,
});
