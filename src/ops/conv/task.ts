import type { Op } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import type { Task } from "../../kernel/capabilities.ts";
import { emitForward, emitGradInput, emitGradWeight } from "./conv-passes.ts";

type In = { a: Tensor; b: Tensor };
type Out = { y: Tensor };

/** Shapes of what a pass reads and writes: x and w, dy and w, or x and dy → y, dx or dw. */
export function taskShapes({ pass, geometry }: Task): Record<"a" | "b" | "y", readonly number[]> {
  const { N, H, W, C, K, R, S, P, Q } = geometry;
  const [x, w, y] = [
    [N, H, W, C],
    [R, S, C, K],
    [N, P, Q, K],
  ];
  if (pass === "forward") return { a: x!, b: w!, y: y! };
  return pass === "grad_input" ? { a: y!, b: w!, y: x! } : { a: x!, b: y!, y: w! };
}

/** Products that are summed up for one number of the result. */
export function productsOf({ pass, geometry: { N, P, Q, R, S, C, K } }: Task): number {
  return pass === "forward" ? R * S * C : pass === "grad_input" ? R * S * K : N * P * Q;
}

/** One pass of a convolution on its own, as the tuner measures it. */
export const taskOp: Op<In, Task, Out> = {
  name: "task",
  infer: ({ a }, task) => ({
    y: { shape: taskShapes(task).y, dtype: task.pass === "grad_weight" ? "f32" : a.storage.dtype },
  }),
  forward(emit, { inputs: { a, b }, attrs: { pass, geometry }, outputs: { y } }) {
    const target = { tensor: y, accumulate: 0 } as const;
    if (pass === "forward") emitForward(emit, geometry, { x: a, w: b, bias: undefined, y });
    else if (pass === "grad_input") emitGradInput(emit, geometry, { dy: a, w: b }, target);
    else emitGradWeight(emit, geometry, { x: a, dy: b }, target);
  },
};
