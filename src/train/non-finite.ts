import { NonFiniteError } from "../base/errors.ts";
import type { BatchInfo } from "./options.ts";

const REMEDY =
  "go back to an earlier checkpoint with a smaller learning rate or clipping (clipNorm), or look for extreme values " +
  "in the data";

/**
 * Throws NonFiniteError if a step's loss is not finite, or if its update raised a flag: one for the gradients, one for
 * the weights (`nonFinite` in `Update.outputs`; none if nothing trains). A step that mixed precision skips raises none.
 */
export function checkStep(
  { loss, step, learningRate }: Pick<BatchInfo, "loss" | "step" | "learningRate">,
  [gradients = 0, weights = 0]: Iterable<number> = [],
): void {
  const bad = [
    ...(Number.isFinite(loss) ? [] : [`the loss is ${loss}`]),
    ...(gradients ? ["gradients are not finite"] : []),
    ...(weights ? ["weights are not finite"] : []),
  ];
  if (bad.length === 0) return;
  throw new NonFiniteError(
    `step ${step}: ${bad.join(", ")} — learning rate ${learningRate.toPrecision(3)}; ${REMEDY}`,
  );
}

/** Throws NonFiniteError if the loss of an evaluation is not finite; `when` says how far the run is. */
export function checkEvaluation(when: string, loss: number): void {
  if (Number.isFinite(loss)) return;
  throw new NonFiniteError(`${when}: the validation loss is ${loss} — ${REMEDY}`);
}
