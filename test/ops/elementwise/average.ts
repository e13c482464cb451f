import { averageOp } from "../../../src/ops/elementwise/average.ts";
import { bytes, declare, type OpCase, streams } from "../../support/op/declaration.ts";
import { average as averageReference } from "../../support/reference/branches.ts";

const given = (n: number): OpCase<object> => ({
  name: `of ${n}`,
  inputs: Object.fromEntries(Array.from({ length: n }, (_, i) => [`x${i}`, [2, 5, 3, 7]])),
  attrs: {},
});

export const average = declare({
  op: averageOp,
  reference: (inputs) => ({ y: averageReference(inputs) }),
  cases: [{ ...given(2), half: true }, given(3), given(6)],
  tolerance: () => 1e-6,
  half: { activations: ["x0", "x1", "x2", "x3", "x4", "x5"] },
  // All branches share one gradient.
  work: (node, pass) =>
    pass === "forward" ? streams(node) : { bytes: bytes(node.outputs.y, node.outputs.y) },
  text: ({ inputs: { x0 } }) => x0.shape.join("×"),
});
