/** The passes of a convolution on their own, as the tuner measures them. */
import type { Geometry } from "../../base/window.ts";
import type { Alone } from "../tunable.ts";
import type { ForwardArgs } from "./conv-forward.ts";
import type { GradInputArgs, GradWeightArgs } from "./conv-gradients.ts";

type DType = "f32" | "f16";

/** `GROUPS`, here and below, are those of a convolution in groups. */
export function forwardAlone(geometry: Geometry, dtype: DType, GROUPS = 1): Alone<ForwardArgs> {
  const { x, w, y } = specs(geometry, dtype, GROUPS);
  return {
    inputs: { x, w },
    outputs: { y },
    products: (geometry.R * geometry.S * geometry.C) / GROUPS,
    args: ({ x, w, y }) => [{ x: x!, w: w!, bias: undefined, y: y! }],
  };
}

export function gradInputAlone(geometry: Geometry, dtype: DType, GROUPS = 1): Alone<GradInputArgs> {
  const { x, w, y } = specs(geometry, dtype, GROUPS);
  return {
    inputs: { dy: y, w },
    outputs: { dx: x },
    products: (geometry.R * geometry.S * geometry.K) / GROUPS,
    args: ({ dy, w, dx }) => [
      { dy: dy!, w: w! },
      { tensor: dx!, accumulate: 0 },
    ],
  };
}

export function gradWeightAlone(geometry: Geometry, dtype: DType, GROUPS = 1): Alone<GradWeightArgs> {
  const { x, w, y } = specs(geometry, dtype, GROUPS);
  return {
    inputs: { x, dy: y },
    outputs: { dw: w },
    products: geometry.N * geometry.P * geometry.Q,
    args: ({ x, dy, dw }) => [
      { x: x!, dy: dy! },
      { tensor: dw!, accumulate: 0 },
    ],
  };
}

function specs({ N, H, W, C, K, R, S, P, Q }: Geometry, dtype: DType, GROUPS = 1) {
  return {
    x: { shape: [N, H, W, C], dtype },
    w: { shape: [R, S, C / GROUPS, K] },
    y: { shape: [N, P, Q, K], dtype },
  };
}
