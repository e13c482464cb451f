import type { GradientRule, Op } from "../../graph/op.ts";
import { pad4, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { concat_backward, concat_forward } from "../../kernel/shaders.gen.ts";
import { BRANCHES, type Branches, branchesOf, expectAlike } from "../elementwise/branches.ts";

interface Slice {
  readonly x: Tensor;
  /** Where it lies in the channels of y. */
  readonly constants: { ROWS: number; C: number; OFFSET: number; WIDTH: number };
}

/** The branches as slices of y's channels. */
function slicesOf(branches: readonly Tensor[], y: Tensor): Slice[] {
  const ROWS = y.shape.slice(0, -1).reduce((a, b) => a * b, 1);
  const WIDTH = y.shape.at(-1)!;
  let end = 0;
  return branches.map((x) => {
    const C = x.shape.at(-1)!;
    const OFFSET = end;
    end += C;
    return { x, constants: { ROWS, C, OFFSET, WIDTH } };
  });
}

/** Joins two to six tensors (…, C0), (…, C1), … along their channels: y (…, C0 + C1 + …). */
export const concatOp: Op<Branches, Record<never, never>, { y: Tensor }> = {
  name: "concat",
  takes: { inputs: BRANCHES, options: {} },
  infer(inputs) {
    const branches = branchesOf(inputs);
    expectAlike("concat", branches, -1);
    const channels = branches.reduce((sum, x) => sum + x.shape.at(-1)!, 0);
    const { shape, storage } = branches[0]!;
    return { y: { shape: [...shape.slice(0, -1), channels], dtype: storage.dtype } };
  },
  forward(emit, { inputs, outputs: { y } }) {
    for (const { x, constants } of slicesOf(branchesOf(inputs), y)) {
      const touched = Math.ceil(((constants.OFFSET % 4) + constants.C) / 4);
      emit.dispatch(concat_forward, { x, y }, constants, grid(constants.ROWS * touched, concat_forward));
    }
  },
  backward: "concat",
};

export const concatBackward: GradientRule<Branches, Record<never, never>, { y: Tensor }> = (
  emit,
  { inputs, outputs: { y } },
) => {
  const dy = emit.gradient(y);
  for (const { x, constants } of slicesOf(branchesOf(inputs), y)) {
    if (!emit.wants(x)) continue;
    const { tensor: dx, accumulate: ACCUMULATE } = emit.into(x);
    const vec4s = constants.ROWS * (pad4(constants.C) / 4);
    emit.dispatch(concat_backward, { dy, dx }, { ...constants, ACCUMULATE }, grid(vec4s, concat_backward));
  }
};
