import { concatOp } from "../../../src/ops/layout/concat.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import { concat as concatReference } from "../../support/reference/branches.ts";

/** Widths of the branches: every shift of lanes, whole vec4s, vec4s that hold three branches. */
const WIDTHS = [
  [8, 4],
  [5, 4],
  [6, 7],
  [7, 9],
  [1, 1],
  [1, 1, 1, 1, 1, 1],
  [3, 2, 8, 1, 5],
  [4, 2, 1, 6],
  [2, 1, 17, 4],
];
export const concat = declare({
  op: concatOp,
  reference: (inputs) => ({ y: concatReference(inputs) }),
  cases: [[2, 3, 5], [3]].flatMap((rows) =>
    WIDTHS.map((widths) => ({
      name: `(${rows}) × ${widths.join(" + ")}`,
      inputs: Object.fromEntries(widths.map((C, i) => [`x${i}`, [...rows, C]])),
      attrs: {},
      ...(widths.join() === "6,7" && { half: true as const }),
    })),
  ),
  tolerance: () => 1e-7,
  half: { activations: ["x0", "x1", "x2", "x3", "x4", "x5"] },
  work: streams,
  text: ({ inputs }) =>
    Object.values(inputs)
      .flatMap((x) => (x ? x.shape.join("×") : []))
      .join(" + "),
});
