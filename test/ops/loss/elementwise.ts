import type { Random } from "../../../src/base/random.ts";
import { type ElementwiseLossAttrs, elementwiseLossOp } from "../../../src/ops/loss/elementwise.ts";
import { type Arrays, bytes, declare, type OpCase, type Shape } from "../../support/op/declaration.ts";
import {
  type ElementwiseCase,
  elementwiseGradient,
  elementwiseLoss as elementwiseLossReference,
} from "../../support/reference/elementwise-losses.ts";
import { size } from "../../support/reference/ndarray.ts";

const caseOf = ({ prediction, target, weight, posWeight }: Arrays): ElementwiseCase => ({
  prediction: prediction!.data,
  target: target!.data,
  weight: weight?.data,
  posWeight: posWeight?.data,
});

/** Whether the target is a probability. */
const isBinary = (name: ElementwiseLossAttrs["name"]): boolean =>
  name === "bce_with_logits" || name === "sigmoid_focal";

/** Two in three are whole, as labels are. */
const probability = (random: Random, i: number): number => (i % 3 < 2 ? random.u32() % 2 : random.uniform());

function given(
  attrs: ElementwiseLossAttrs,
  shape: Shape,
  weights: Readonly<Record<string, Shape>> = {},
): OpCase<ElementwiseLossAttrs> {
  const weight = (random: Random): number => 3 * random.uniform();
  return {
    name: `${JSON.stringify(attrs)} (${shape.join(", ")})${Object.keys(weights).map((key) => `, ${key}`)}`,
    inputs: { prediction: shape, target: shape, ...weights },
    attrs,
    values: {
      prediction: (random) => (isBinary(attrs.name) ? 16 : 4) * (random.uniform() - 0.5),
      target: (random, i) => (isBinary(attrs.name) ? probability(random, i) : 4 * random.uniform() - 2),
      weight,
      posWeight: weight,
    },
    grads: ["prediction"],
  };
}

export const elementwiseLoss = declare({
  op: elementwiseLossOp,
  reference: (inputs, attrs) => ({
    loss: { shape: [3], data: elementwiseLossReference(caseOf(inputs), attrs) },
  }),
  gradients: (inputs, attrs, dy) => {
    const data = elementwiseGradient(caseOf(inputs), attrs).map((v) => dy.data[0]! * v);
    return { prediction: { shape: inputs.prediction!.shape, data } };
  },
  cases: [
    given({ name: "mse" }, [3, 5]),
    { ...given({ name: "mse" }, [3, 5]), name: "mse without a gradient", grads: [] },
    given({ name: "mse" }, [2, 7, 5, 3], { weight: [3] }),
    given({ name: "mse" }, [130, 131]),
    given({ name: "l1" }, [2, 3, 5, 7]),
    given({ name: "huber" }, [13, 5]),
    given({ name: "huber", delta: 0.25 }, [7, 11]),
    given({ name: "bce_with_logits" }, [130, 131]),
    given({ name: "bce_with_logits" }, [7, 5], { posWeight: [5] }),
    given({ name: "bce_with_logits" }, [3, 4, 5, 6], { weight: [3, 4, 5, 6] }),
    given({ name: "bce_with_logits" }, [9, 3], { weight: [3], posWeight: [3] }),
    given({ name: "sigmoid_focal" }, [11, 7]),
    given({ name: "sigmoid_focal", alpha: -1, gamma: 0.5 }, [5, 9]),
    given({ name: "sigmoid_focal", alpha: 0.5, gamma: 0 }, [4, 5]),
  ],
  // A gradient is a product of up to five numbers, each rounded.
  tolerance: ({ inputs }, name) =>
    name === "loss" ? (v) => 5e-6 * v : (v) => 5e-7 / size(inputs.target as Shape) + 3e-7 * Math.abs(v),
  half: { never: "losses are f32" },
  // The forward pass already computes the gradient.
  work: ({ inputs: { prediction, target }, outputs: { dprediction } }, pass) => ({
    bytes: pass === "forward" ? bytes(prediction, target, dprediction) : 0,
  }),
  text: ({ attrs: { name }, inputs: { prediction } }) => `${name} ${prediction.shape.join("×")}`,
});
