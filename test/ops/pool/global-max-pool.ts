import { globalMaxPoolOp } from "../../../src/ops/pool/global-max-pool.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import {
  globalMaxPoolGradient,
  globalMaxPool as globalMaxPoolReference,
} from "../../support/reference/pool.ts";

export const globalMaxPool = declare({
  op: globalMaxPoolOp,
  reference: ({ x }) => ({ y: globalMaxPoolReference(x!) }),
  // Central differences would say that the gradient of a NaN, which wins, is NaN.
  gradients: ({ x }, _, dy) => ({ x: globalMaxPoolGradient(x!, dy) }),
  cases: [
    { inputs: { x: [2, 7, 7, 8] }, attrs: {} },
    { inputs: { x: [1, 1, 1, 3] }, attrs: {} },
    { inputs: { x: [3, 2, 3, 5] }, attrs: {}, half: true },
    { name: "equal values", inputs: { x: [2, 3, 4, 1] }, attrs: {}, values: { x: (_, i) => -(i % 5) } },
  ],
  tolerance: () => 1e-6,
  half: { activations: ["x"] },
  work: streams,
});
