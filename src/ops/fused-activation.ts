import { ShapeError } from "../errors.ts";
import type { BackwardEmitter } from "../graph/op.ts";
import { storedLength, type Tensor } from "../graph/tensor.ts";
import { grid } from "../kernel.ts";
import { activation_output_backward } from "../shaders.gen.ts";
import { type Activation, activationConstants } from "./activation.ts";

/** Activations whose derivative follows from their output, so that the input need not be stored. */
const FUSABLE: readonly Activation["name"][] = ["identity", "relu", "leaky_relu", "tanh", "sigmoid"];

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

/** The gradient before the fused activation: dz = dy f'(z), with f' taken from y; dy itself without one. */
export function gradientBeforeActivation(
  emit: BackwardEmitter,
  y: Tensor,
  activation: Activation | undefined,
): Tensor {
  const dy = emit.gradient(y);
  if (!activation || activation.name === "identity") return dy;
  const LENGTH = storedLength(y.shape) / 4;
  const dz = emit.temporary("dz", y.shape);
  const constants = { LENGTH, ...activationConstants(activation) };
  const workgroups = grid(LENGTH, activation_output_backward);
  emit.dispatch(activation_output_backward, { y, dy, dz }, constants, workgroups);
  return dz;
}
