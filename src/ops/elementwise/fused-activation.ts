import { ShapeError } from "../../base/errors.ts";
import {
  type BackwardEmitter,
  type Fused,
  type GradientTarget,
  isNode,
  type OpNode,
} from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { activation_output_backward } from "../../kernel/shaders.gen.ts";
import { type Activation, activationConstants, activationOp, IDENTITY } from "./activation.ts";

/**
 * Activations whose derivative follows from their output, so that the input need not be stored. Not that of hardtanh, whose
 * bounds may be rounded in f16.
 */
const FUSABLE: readonly Activation["name"][] = [
  "identity",
  "relu",
  "relu6",
  "leaky_relu",
  "tanh",
  "sigmoid",
  "hardsigmoid",
];

/** Whether `activation` may be the last step of another op's kernel; else it is a node of its own. */
export const isFusable = ({ name, alpha = 0 }: Activation): boolean =>
  FUSABLE.includes(name) && (name !== "leaky_relu" || alpha > 0);

/** Throws where `activation` cannot be fused into `operation`. */
export function checkFusable(operation: string, activation: Activation | undefined): void {
  if (activation && !isFusable(activation)) {
    const given = `${activation.name}, alpha ${activation.alpha ?? 0}`;
    throw new ShapeError(operation, "cannot fuse an activation whose derivative needs its input", given);
  }
}

/** The op of a node with the activation that follows it as its last step, where it has none and that is `allowed`. */
export function withActivation(
  { op, inputs, attrs }: OpNode,
  next: OpNode,
  allowed: (activation: Activation) => boolean = isFusable,
): Fused | undefined {
  const given = attrs as { readonly activation?: Activation };
  if (!isNode(next, activationOp) || !allowed(next.attrs)) return undefined;
  if (given.activation && given.activation.name !== "identity") return undefined;
  return { op, inputs, attrs: { ...given, activation: next.attrs } };
}

/** Emits the gradient before a fused activation: dz = dy f'(z), or dz += …, with f' taken from y = f(z). */
export function emitBeforeActivation(
  emit: BackwardEmitter,
  { y, dy }: { readonly y: Tensor; readonly dy: Tensor },
  activation: Activation,
  { tensor: dz, accumulate: ACCUMULATE }: GradientTarget,
): void {
  const LENGTH = storedLength(y.shape) / 4;
  const inPlace = dy === dz;
  const constants = { LENGTH, ACCUMULATE, IN_PLACE: inPlace ? 1 : 0, ...activationConstants(activation) };
  const workgroups = grid(LENGTH, activation_output_backward);
  emit.dispatch(activation_output_backward, { y, dy: inPlace ? y : dy, dz }, constants, workgroups);
}

/** The gradient before the fused activation, in the memory of dy where that is free; dy itself without one. */
export function gradientBeforeActivation(
  emit: BackwardEmitter,
  y: Tensor,
  activation: Activation = IDENTITY,
): Tensor {
  const dy = emit.gradient(y);
  if (activation.name === "identity") return dy;
  const dz = emit.take(y) ?? emit.temporary("dz", y.shape, y.storage.dtype);
  emitBeforeActivation(emit, { y, dy }, activation, { tensor: dz, accumulate: 0 });
  return dz;
}
