import type { Upsample } from "../../../src/ops/image/upsample.ts";
import { type NdArray, zeros } from "./ndarray.ts";

/** The pixels along one axis that place `p` comes from, with their shares. */
function sources(p: number, extent: number, outputs: number, mode: Upsample["mode"]): [number, number][] {
  if (mode === "nearest") return [[Math.floor((p * extent) / outputs), 1]];
  const at = Math.max(0, ((p + 0.5) * extent) / outputs - 0.5);
  const low = Math.floor(at);
  return [
    [low, 1 - (at - low)],
    [Math.min(low + 1, extent - 1), at - low],
  ];
}

/** x (N, H, W, C) at another size. */
export function upsample({ shape, data }: NdArray, { size: [P, Q], mode }: Upsample): NdArray {
  const [N, H, W, C] = shape as [number, number, number, number];
  const y = zeros([N, P, Q, C]);
  for (let n = 0; n < N; n++)
    for (let p = 0; p < P; p++)
      for (let q = 0; q < Q; q++)
        for (const [h, down] of sources(p, H, P, mode))
          for (const [w, across] of sources(q, W, Q, mode))
            for (let c = 0; c < C; c++) {
              y.data[((n * P + p) * Q + q) * C + c]! += down * across * data[((n * H + h) * W + w) * C + c]!;
            }
  return y;
}
