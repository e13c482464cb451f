import { ShapeError } from "../../base/errors.ts";
import type { Op, TensorSpec } from "../../graph/op.ts";
import { describe, storedLength, type Tensor } from "../../graph/tensor.ts";
import { fold } from "../../kernel/grid.ts";
import { squared_error, squared_error_mean, squared_error_with_gradient } from "../../kernel/shaders.gen.ts";
import { passLossGradient } from "./pass-loss-gradient.ts";

type In = { prediction: Tensor; target: Tensor };

type Out = {
  /** (3): the mean, Σ of squares, number of elements. Batches merge exactly as Σ [1] / Σ [2]. */
  loss: Tensor;
  /** Gradient of the mean, of the prediction's shape; there where the prediction wants one. */
  dprediction?: Tensor;
};

/** Vec4s of a partial sum; CHUNK in shaders/loss/squared_error.wgsl. */
const CHUNK = 1024;

/** Mean of (prediction − target)², of two tensors of one shape. No gradient reaches the target. */
export const mseOp: Op<In, Record<never, never>, Out> = {
  name: "mse",
  takes: { inputs: { prediction: "required", target: "required" }, options: {} },
  infer({ prediction, target }) {
    if (prediction.shape.join() !== target.shape.join()) {
      const given = `${describe(prediction)}, ${describe(target)}`;
      throw new ShapeError("mse", "prediction and target must have one shape", given);
    }
    const loss: TensorSpec = { shape: [3] };
    return prediction.requiresGrad ? { loss, dprediction: { shape: prediction.shape } } : { loss };
  },
  forward(emit, { inputs: { prediction, target }, outputs: { loss, dprediction } }) {
    const COUNT = prediction.shape.reduce((product, extent) => product * extent, 1);
    const LENGTH = storedLength(prediction.shape) / 4;
    const PARTS = Math.ceil(LENGTH / CHUNK);
    const partials = emit.temporary("partials", [PARTS]);
    const bindings = { prediction, target_values: target, partials };
    if (dprediction) {
      const constants = { LENGTH, PARTS, SCALE: 1 / COUNT };
      emit.dispatch(squared_error_with_gradient, { ...bindings, dprediction }, constants, fold(PARTS));
    } else {
      emit.dispatch(squared_error, bindings, { LENGTH, PARTS }, fold(PARTS));
    }
    emit.dispatch(squared_error_mean, { partials, loss }, { PARTS, COUNT }, [1, 1, 1]);
  },
  backward(emit, { inputs: { prediction }, outputs: { loss, dprediction } }) {
    if (dprediction) passLossGradient(emit, prediction, dprediction, loss);
  },
};
