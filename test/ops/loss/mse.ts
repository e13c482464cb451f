import { mseOp } from "../../../src/ops/loss/mse.ts";
import { bytes, declare, type OpCase, type Shape } from "../../support/op/declaration.ts";
import { squaredError } from "../../support/reference/losses.ts";
import { size } from "../../support/reference/ndarray.ts";

const given = (shape: Shape): OpCase<object> => ({
  name: `(${shape.join(", ")})`,
  inputs: { prediction: shape, target: shape },
  attrs: {},
  values: {
    prediction: (random) => 4 * random.uniform() - 2,
    target: (random) => 4 * random.uniform() - 2,
  },
  grads: ["prediction"],
});

export const mse = declare({
  op: mseOp,
  reference: ({ prediction, target }) => ({
    loss: { shape: [3], data: Float64Array.from(squaredError(prediction!.data, target!.data)) },
  }),
  gradients: ({ prediction, target }, _, dy) => {
    const { shape, data } = prediction!;
    const scale = (2 * dy.data[0]!) / data.length;
    return { prediction: { shape, data: data.map((v, i) => scale * (v - target!.data[i]!)) } };
  },
  cases: [
    given([3, 5]),
    { ...given([3, 5]), name: "without a gradient", grads: [] },
    given([2, 7, 5, 3]),
    given([130, 131]),
  ],
  tolerance: ({ inputs }, name) =>
    name === "loss" ? (v) => 5e-6 * v : () => 5e-7 / size(inputs.target as Shape),
  half: { never: "losses are f32" },
  // The forward pass already computes the gradient.
  work: ({ inputs: { prediction, target }, outputs: { dprediction } }, pass) => ({
    bytes: pass === "forward" ? bytes(prediction, target, dprediction) : 0,
  }),
});
