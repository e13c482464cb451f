import { type Pad2d, pad2dOp } from "../../../src/ops/layout/pad2d.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { pad2d as reference } from "../../support/reference/layout.ts";

const CASES: readonly (readonly [shape: readonly number[], attrs: Pad2d])[] = [
  [[2, 3, 5, 6], { padding: [1, 2, 3, 0], mode: "constant" }],
  [[2, 3, 5, 6], { padding: [2, 1, 4, 3], mode: "reflect" }],
  [[1, 4, 3, 7], { padding: [0, 3, 1, 5], mode: "constant", value: -1.5 }],
  [[2, 1, 4, 3], { padding: [0, 0, 3, 3], mode: "reflect" }],
  // A crop, and both at once.
  [[2, 6, 5, 9], { padding: [-1, -2, 0, -3], mode: "constant" }],
  [[1, 5, 6, 1], { padding: [-2, 3, 2, -1], mode: "reflect" }],
  [[1, 5, 6, 2], { padding: [-2, 3, 2, -1], mode: "constant", value: 2 }],
];

export const pad2d = declare({
  op: pad2dOp,
  reference: ({ x }, attrs) => ({ y: reference(x!, attrs) }),
  cases: CASES.map(([shape, attrs], i) => ({
    name: `(${shape}) ${JSON.stringify(attrs)}`,
    inputs: { x: shape },
    attrs,
    ...(i < 2 && { half: true as const }),
  })),
  tolerance: () => 1e-6,
  half: { activations: ["x"] },
  work: streams,
});
