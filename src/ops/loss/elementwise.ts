import { ShapeError } from "../../base/errors.ts";
import { namesOf } from "../../base/names.ts";
import { oneOf } from "../../base/schema.ts";
import type { Op, TensorSpec } from "../../graph/op.ts";
import { OPTIONAL_NUMBER } from "../../graph/takes.ts";
import { describe, pad4, storedLength, type Tensor } from "../../graph/tensor.ts";
import { LOSSES } from "../../kernel/constants.gen.ts";
import { fold } from "../../kernel/grid.ts";
import {
  elementwise_loss,
  elementwise_loss_mean,
  elementwise_loss_with_gradient,
} from "../../kernel/shaders.gen.ts";
import { passLossGradient } from "./pass-loss-gradient.ts";

export interface ElementwiseLossAttrs {
  readonly name: keyof typeof LOSSES;
  /** Of `huber`: where it turns from a parabola into a line. Default 1. */
  readonly delta?: number;
  /** Of `sigmoid_focal`: weight of positive elements, 1 − alpha that of others; below 0, all weigh 1. Default 0.25. */
  readonly alpha?: number;
  /** Of `sigmoid_focal`: how much less elements count that are predicted well. Default 2. */
  readonly gamma?: number;
}

type In = {
  /** (…, C). */
  prediction: Tensor;
  /** Of the same shape. No gradient reaches it. */
  target: Tensor;
  /** Factor of each element's loss: of the same shape, or (C) for all rows. Default 1. */
  weight?: Tensor | undefined;
  /** Of `bce_with_logits`: factor of the loss of what the target says is there; of the same shape, or (C). Default 1. */
  posWeight?: Tensor | undefined;
};

type Out = {
  /** (3): the mean, Σ weighted losses, number of elements. Batches merge exactly as Σ [1] / Σ [2]. */
  loss: Tensor;
  /** Gradient of the mean, of the prediction's shape; there where the prediction wants one. */
  dprediction?: Tensor;
};

/** Vec4s of a partial sum; CHUNK in shaders/loss/elementwise_loss.wgsl. */
const CHUNK = 1024;

/**
 * The mean over all elements of a loss that looks at one of them at a time; shaders/lib/core/losses.wgsl has the
 * formulas. Weights do not change what the sum is divided by, as in torch.nn.BCEWithLogitsLoss.
 */
export const elementwiseLossOp: Op<In, ElementwiseLossAttrs, Out> = {
  name: "elementwise_loss",
  takes: {
    inputs: { prediction: "required", target: "required", weight: "optional", posWeight: "optional" },
    options: {
      name: /* @__PURE__ */ oneOf(/* @__PURE__ */ namesOf(LOSSES)),
      delta: OPTIONAL_NUMBER,
      alpha: OPTIONAL_NUMBER,
      gamma: OPTIONAL_NUMBER,
    },
  },
  infer({ prediction, target, weight, posWeight }, { name, delta = 1, alpha = 0.25, gamma = 2 }) {
    const refuse = (reason: string, given: string): never => {
      throw new ShapeError(name, reason, given);
    };
    const shape = prediction.shape.join(", ");
    if (target.shape.join(", ") !== shape || target.storage.dtype !== "f32") {
      const given = `${describe(prediction)}, ${target.storage.dtype} ${describe(target)}`;
      refuse("target must be f32 of the prediction's shape", given);
    }
    for (const [key, tensor] of Object.entries({ weight, posWeight })) {
      const given = tensor?.shape.join(", ") ?? shape;
      if (given !== shape && given !== String(prediction.shape.at(-1))) {
        refuse(`${key} must be (${shape}) or (${prediction.shape.at(-1)})`, `(${given})`);
      }
    }
    if (posWeight && name !== "bce_with_logits") refuse("takes no posWeight", describe(posWeight));
    if (!(delta > 0 && delta < Infinity)) refuse("delta must be finite and above 0", String(delta));
    if (!(alpha <= 1)) refuse("alpha must be at most 1", String(alpha));
    if (!(gamma >= 0 && gamma < Infinity)) refuse("gamma must be finite and not negative", String(gamma));
    const loss: TensorSpec = { shape: [3] };
    return prediction.requiresGrad ? { loss, dprediction: { shape: prediction.shape } } : { loss };
  },
  forward(emit, { inputs, attrs, outputs: { loss, dprediction } }) {
    const { prediction, target } = inputs;
    const { shape } = prediction;
    const C = shape.at(-1)!;
    const ones = (): Tensor => emit.constant("ones", new Float32Array(pad4(C)).fill(1, 0, C));
    const weights = inputs.weight ?? ones();
    const pos_weights = inputs.posWeight ?? (inputs.weight ? ones() : weights);
    const [LENGTH, WEIGHTS, POS_WEIGHTS] = [shape, weights.shape, pos_weights.shape].map(
      (each) => storedLength(each) / 4,
    ) as [number, number, number];
    const PARTS = Math.ceil(LENGTH / CHUNK);
    const COUNT = shape.reduce((product, extent) => product * extent, 1);
    const partials = emit.temporary("partials", [PARTS]);
    const bindings = { prediction, target_values: target, weights, pos_weights, partials };
    const { delta: DELTA = 1, alpha: ALPHA = 0.25, gamma: GAMMA = 2 } = attrs;
    const constants = { LENGTH, PARTS, WEIGHTS, POS_WEIGHTS, LOSS: LOSSES[attrs.name], DELTA, ALPHA, GAMMA };
    if (dprediction) {
      const scaled = { ...constants, SCALE: 1 / COUNT };
      emit.dispatch(elementwise_loss_with_gradient, { ...bindings, dprediction }, scaled, fold(PARTS));
    } else {
      emit.dispatch(elementwise_loss, bindings, constants, fold(PARTS));
    }
    emit.dispatch(elementwise_loss_mean, { partials, loss }, { PARTS, COUNT }, [1, 1, 1]);
  },
  backward(emit, { inputs: { prediction }, outputs: { loss, dprediction } }) {
    if (dprediction) passLossGradient(emit, prediction, dprediction, loss);
  },
};
