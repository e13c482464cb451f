import type { Random } from "../../../src/base/random.ts";
import { preluOp } from "../../../src/ops/elementwise/prelu.ts";
import { bytes, declare } from "../../support/op/declaration.ts";
import { prelu as preluReference } from "../../support/reference/activation.ts";

/** Both signs, away from the kink at 0. */
const awayFromZero = (random: Random, i: number): number => (i % 3 ? -1 : 1) * (0.01 + random.uniform());
const values = { x: awayFromZero };

export const prelu = declare({
  op: preluOp,
  reference: ({ x, weight }) => ({ y: preluReference(x!, weight!) }),
  cases: [
    { inputs: { x: [2, 3, 5, 6], weight: [6] }, attrs: {}, values, half: true },
    { inputs: { x: [2, 5, 3, 7], weight: [1] }, attrs: {}, values, half: true },
    // Several parts of a sum; one channel; rows.
    { inputs: { x: [2, 13, 9, 5], weight: [1] }, attrs: {}, values, grads: ["weight"] },
    { inputs: { x: [3, 7, 5, 1], weight: [1] }, attrs: {}, values },
    { inputs: { x: [1, 3], weight: [3] }, attrs: {}, values },
  ],
  tolerance: () => 1e-5,
  half: { activations: ["x"] },
  work: ({ inputs: { x }, outputs: { y } }, pass) => ({
    bytes: pass === "forward" ? bytes(x, y) : bytes(x, x, y),
  }),
  text: ({ inputs: { x, weight } }) => `${x.shape.join("×")}, ${weight.shape[0]} slopes`,
});
