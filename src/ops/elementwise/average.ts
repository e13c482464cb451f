import type { Op } from "../../graph/op.ts";
import { storedLength, type Tensor } from "../../graph/tensor.ts";
import { grid } from "../../kernel/grid.ts";
import { scale } from "../../kernel/shaders.gen.ts";
import { BRANCHES, type Branches, branchesOf, expectAlike, shareGradient } from "./branches.ts";

/** y = mean of two to six tensors of one shape (…, C), elementwise. */
export const averageOp: Op<Branches, Record<never, never>, { y: Tensor }> = {
  name: "average",
  takes: { inputs: BRANCHES, options: {} },
  infer(inputs) {
    const branches = branchesOf(inputs);
    expectAlike("average", branches);
    const { shape, storage } = branches[0]!;
    return { y: { shape, dtype: storage.dtype } };
  },
  forward(emit, { inputs, outputs: { y } }) {
    const branches = branchesOf(inputs);
    const LENGTH = storedLength(y.shape) / 4;
    branches.forEach((x, i) => {
      const constants = { LENGTH, SCALE: 1 / branches.length, ACCUMULATE: i === 0 ? 0 : 1 };
      emit.dispatch(scale, { x, y }, constants, grid(LENGTH, scale));
    });
  },
  backward(emit, { inputs, outputs: { y } }) {
    const branches = branchesOf(inputs);
    const x = emit.gradient(y);
    const LENGTH = storedLength(y.shape) / 4;
    shareGradient(emit, branches, ({ tensor, accumulate: ACCUMULATE }) => {
      const constants = { LENGTH, SCALE: 1 / branches.length, ACCUMULATE };
      emit.dispatch(scale, { x, y: tensor }, constants, grid(LENGTH, scale));
    });
  },
};
