import { ShapeError } from "../../base/errors.ts";
import { list } from "../../base/schema.ts";
import type { Emitter, Op } from "../../graph/op.ts";
import { NUMBER } from "../../graph/takes.ts";
import { describe, storedLength, type Tensor } from "../../graph/tensor.ts";
import { sum_losses } from "../../kernel/shaders.gen.ts";
import { BRANCHES, type Branches, branchesOf } from "../elementwise/branches.ts";

export interface SumLossesAttrs {
  /** The factor of each loss. */
  readonly weights: readonly number[];
}

type Out = {
  /** (1): Σ weight · mean. Batches merge by their numbers of examples. */
  loss: Tensor;
};

/** The weighted sum of the means, the first numbers, of two to six losses. */
export const sumLossesOp: Op<Branches, SumLossesAttrs, Out> = {
  name: "sum_losses",
  takes: { inputs: BRANCHES, options: { weights: /* @__PURE__ */ list(NUMBER) } },
  infer(inputs, { weights }) {
    const losses = branchesOf(inputs);
    const given = losses.map(describe).join(", ");
    if (losses.some(({ shape, storage }) => shape.length !== 1 || storage.dtype !== "f32")) {
      throw new ShapeError("sum_losses", "takes losses, which are f32 (k)", given);
    }
    if (weights.length !== losses.length || !weights.every(Number.isFinite)) {
      const reason = `needs a finite weight for each of ${losses.length} losses`;
      throw new ShapeError("sum_losses", reason, `[${weights.join(", ")}]`);
    }
    return { loss: { shape: [1] } };
  },
  forward(emit, { inputs, attrs: { weights }, outputs: { loss } }) {
    for (const [i, x] of branchesOf(inputs).entries()) emitFirst(emit, x, weights[i]!, loss, i === 0 ? 0 : 1);
  },
  backward(emit, { inputs, attrs: { weights }, outputs: { loss } }) {
    for (const [i, x] of branchesOf(inputs).entries()) {
      if (!emit.wants(x)) continue;
      if (emit.startsAt(loss)) {
        const data = new Float32Array(storedLength(x.shape));
        data[0] = weights[i]!;
        emit.pass(x, emit.constant("weight", data));
        continue;
      }
      const dy = emit.gradient(loss);
      const { tensor, accumulate } = emit.into(x);
      emitFirst(emit, dy, weights[i]!, tensor, accumulate);
    }
  },
};

/** y[0] = WEIGHT x[0], or +=. Nothing reads what a loss's gradient has after its first number. */
function emitFirst(emit: Emitter, x: Tensor, WEIGHT: number, y: Tensor, ACCUMULATE: 0 | 1): void {
  emit.dispatch(sum_losses, { x, y }, { WEIGHT, ACCUMULATE }, [1, 1, 1]);
}
