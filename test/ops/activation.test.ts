import { type Activation, activationOp } from "../../src/ops/activation.ts";
import { defineOpTest } from "../support/optest.ts";

defineOpTest({
  op: activationOp,
  reference: ({ x }) => ({ y: { shape: x!.shape, data: x!.data.map((v) => Math.max(v, 0)) } }),
  cases: [{ inputs: { x: [3, 5, 5, 6] }, attrs: { name: "relu" } as Activation }],
  tolerance: () => 1e-6,
});
