import { ShapeError } from "../../base/errors.ts";
import type { BackwardEmitter, GradientTarget } from "../../graph/op.ts";
import { describe, type Tensor } from "../../graph/tensor.ts";

/** Two to six inputs of ops that join branches of a model. */
export type Branches = {
  x0: Tensor;
  x1: Tensor;
  x2?: Tensor | undefined;
  x3?: Tensor | undefined;
  x4?: Tensor | undefined;
  x5?: Tensor | undefined;
};

/** The same as data, for `Op.takes`. */
export const BRANCHES = {
  x0: "required",
  x1: "required",
  x2: "optional",
  x3: "optional",
  x4: "optional",
  x5: "optional",
} as const;

/** The given branches in order. */
export const branchesOf = ({ x0, x1, x2, x3, x4, x5 }: Branches): Tensor[] =>
  [x0, x1, x2, x3, x4, x5].filter((x) => x !== undefined);

/** Throws ShapeError unless all branches have the shape of the first, in their first `axes` axes if given. */
export function expectAlike(operation: string, branches: readonly Tensor[], axes?: number): void {
  const first = branches[0]!;
  const same = (x: Tensor): boolean =>
    x.shape.length === first.shape.length &&
    x.shape.slice(0, axes).join() === first.shape.slice(0, axes).join();
  if (!branches.every(same)) {
    throw new ShapeError(operation, "the branches do not fit together", branches.map(describe).join(", "));
  }
}

/**
 * Gives several inputs one and the same gradient. `write` emits the kernel that writes it; further inputs
 * share what it wrote, where that holds nothing else.
 */
export function shareGradient(
  emit: BackwardEmitter,
  inputs: readonly Tensor[],
  write: (target: GradientTarget) => void,
): void {
  // A tensor that comes in twice is added to twice, and its gradient is no longer that of the others.
  const distinct = new Set(inputs).size === inputs.length;
  let shared: Tensor | undefined;
  for (const input of inputs) {
    if (!emit.wants(input)) continue;
    if (shared) {
      emit.pass(input, shared);
      continue;
    }
    const target = emit.into(input);
    write(target);
    const { role } = target.tensor.storage;
    if (distinct && target.accumulate === 0 && role === "temporary") shared = target.tensor;
  }
}
