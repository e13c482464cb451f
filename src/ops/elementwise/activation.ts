import { namesOf } from "../../base/names.ts";
import { object, oneOf, optional } from "../../base/schema.ts";
import type { GradientRule, Op } from "../../graph/op.ts";
import { OPTIONAL_NUMBER } from "../../graph/takes.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { ACTIVATIONS } from "../../kernel/constants.gen.ts";
import { grid } from "../../kernel/grid.ts";
import { activation_backward, activation_forward } from "../../kernel/shaders.gen.ts";

export type ActivationName = keyof typeof ACTIVATIONS;

export interface Activation {
  readonly name: ActivationName;
  /** Slope of leaky ReLU for negative inputs, scale of ELU, least value of hardtanh. Default 0. */
  readonly alpha?: number;
  /** Largest value of hardtanh. Default 0. */
  readonly beta?: number;
}

const ACTIVATION_NAME = /* @__PURE__ */ oneOf(/* @__PURE__ */ namesOf(ACTIVATIONS));

/** The option `activation` of other ops. */
export const OPTIONAL_ACTIVATION = /* @__PURE__ */ optional<Activation>(
  /* @__PURE__ */ object({ name: ACTIVATION_NAME, alpha: OPTIONAL_NUMBER, beta: OPTIONAL_NUMBER }),
);

export const IDENTITY: Activation = { name: "identity" };

/** The constants of every kernel that links shaders/lib/core/activation.wgsl. */
export const activationConstants = ({ name, alpha = 0, beta = 0 }: Activation) => ({
  ACTIVATION: ACTIVATIONS[name],
  ALPHA: alpha,
  BETA: beta,
});

/** Whether f(0) = 0 and f rises, so that the largest of some f(z) is f of the largest z. */
export const keepsMaximum = ({ name, alpha = 0 }: Activation): boolean =>
  name === "identity" || name === "relu" || (name === "leaky_relu" && alpha > 0);

type In = { x: Tensor };
type Out = { y: Tensor };

/** y = f(x), elementwise. x, y (…, C). */
export const activationOp: Op<In, Activation, Out> = {
  name: "activation",
  takes: {
    inputs: { x: "required" },
    options: { name: ACTIVATION_NAME, alpha: OPTIONAL_NUMBER, beta: OPTIONAL_NUMBER },
  },
  infer: ({ x }) => ({ y: { shape: x.shape, dtype: x.storage.dtype } }),
  forward(emit, { inputs: { x }, attrs, outputs: { y } }) {
    const LENGTH = storedLength(x.shape) / 4;
    const C = x.shape.at(-1)!;
    const constants = { LENGTH, C, ...activationConstants(attrs) };
    emit.dispatch(activation_forward, { x, y }, constants, grid(LENGTH, activation_forward));
  },
  backward: "activation",
  // Of maxima there are fewer, and what comes before f need not be kept.
  fuse({ inputs, attrs }, { op, attrs: pool }) {
    if (op.name !== "max_pool2d" || !keepsMaximum(attrs)) return undefined;
    return { op, inputs, attrs: { ...(pool as object), activation: attrs } };
  },
};

export const activationBackward: GradientRule<In, Activation, Out> = (
  emit,
  { inputs: { x }, attrs, outputs: { y } },
) => {
  const LENGTH = storedLength(x.shape) / 4;
  const dy = emit.gradient(y);
  const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
  const constants = { LENGTH, ACCUMULATE, ...activationConstants(attrs) };
  emit.dispatch(activation_backward, { x, dy, dx }, constants, grid(LENGTH, activation_backward));
};
