import { ShapeError } from "../../base/errors.ts";
import { list } from "../../base/schema.ts";
import type { BackwardEmitter, Emitter, Op } from "../../graph/op.ts";
import { NUMBER } from "../../graph/takes.ts";
import { describe, storedLength, type Tensor } from "../../graph/tensor.ts";
import { scale_by } from "../../kernel/shaders.gen.ts";
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
    branchesOf(inputs).forEach((x, i) => {
      emitFirst(emit, x, constantOf(emit, weights[i]!), loss, i === 0 ? 0 : 1);
    });
  },
  backward(emit, { inputs, attrs: { weights }, outputs: { loss } }) {
    branchesOf(inputs).forEach((x, i) => {
      if (!emit.wants(x)) return;
      if (emit.startsAt(loss)) return emit.pass(x, constantOf(emit, weights[i]!, x));
      const dy = emit.gradient(loss);
      const { tensor, accumulate } = emit.into(x);
      emitFirst(emit, dy, constantOf(emit, weights[i]!), tensor, accumulate);
    });
  },
};

/** A weight, with zeros behind it as in the loss `like`. */
function constantOf(emit: Emitter | BackwardEmitter, weight: number, like?: Tensor): Tensor {
  const data = new Float32Array(like ? storedLength(like.shape) : 4);
  data[0] = weight;
  return emit.constant("weight", data);
}

/** y[0] = factor x[0], or +=. Nothing reads what a loss's gradient has after its first vec4. */
function emitFirst(emit: Emitter, x: Tensor, factor: Tensor, y: Tensor, ACCUMULATE: 0 | 1): void {
  emit.dispatch(scale_by, { x, factor, y }, { LENGTH: 1, C: 1, ACCUMULATE }, [1, 1, 1]);
}
