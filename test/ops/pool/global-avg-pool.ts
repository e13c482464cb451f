import { globalAvgPoolOp } from "../../../src/ops/pool/pool.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { globalAvgPool as globalAvgPoolReference } from "../../support/reference/pool.ts";

export const globalAvgPool = declare({
  op: globalAvgPoolOp,
  reference: ({ x }) => ({ y: globalAvgPoolReference(x!) }),
  cases: [
    { inputs: { x: [2, 7, 7, 8] }, attrs: {} },
    { inputs: { x: [1, 1, 1, 3] }, attrs: {} },
    { inputs: { x: [3, 2, 3, 5] }, attrs: {}, half: true },
    { inputs: { x: [1, 13, 11, 1] }, attrs: {} },
  ],
  tolerance: () => 1e-5,
  half: { activations: ["x"] },
  work: streams,
});
