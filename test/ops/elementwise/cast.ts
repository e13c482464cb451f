import { castOp } from "../../../src/ops/elementwise/cast.ts";
import { declare, streams } from "../../support/op/declaration.ts";

export const cast = declare({
  op: castOp,
  reference: ({ x }) => ({ y: x! }),
  cases: [
    { inputs: { x: [3, 5, 7] }, attrs: { to: "f32" }, half: true },
    { inputs: { x: [3, 5, 7] }, attrs: { to: "f16" }, devices: { f16: { features: ["shader-f16"] } } },
  ],
  tolerance: ({ attrs: { to } }) => (to === "f32" ? 1e-7 : 2 ** -11),
  half: { activations: ["x"] },
  work: streams,
});
