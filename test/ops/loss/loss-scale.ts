import { lossScaleOp } from "../../../src/ops/loss/loss-scale.ts";
import { bytes, declare } from "../../support/op/declaration.ts";

export const lossScale = declare({
  op: lossScaleOp,
  reference: ({ x }) => ({ y: x! }),
  // Not central differences of y, which is the unscaled loss.
  gradients: ({ scale }, _, { shape, data }) => ({
    x: { shape, data: data.map((v) => v * scale!.data[0]!) },
  }),
  cases: [
    {
      inputs: { x: [3, 7], scale: [4] },
      attrs: {},
      values: { scale: (_, i) => [1024, 0, 0, 0][i]! },
      grads: ["x"],
      half: true,
    },
    {
      name: "a scale that is no power of two",
      inputs: { x: [2, 3, 5, 6], scale: [4] },
      attrs: {},
      grads: ["x"],
    },
  ],
  tolerance: () => 1e-7,
  half: { activations: ["x"] },
  work: ({ inputs: { x }, outputs: { y } }, pass) => ({
    bytes: pass === "forward" && x.storage === y.storage ? 0 : bytes(x, y),
  }),
});
