import { type NdArray, zeros } from "./ndarray.ts";

export interface ConvOptions {
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padding: readonly [top: number, bottom: number, left: number, right: number];
  readonly groups: number;
}

/** Convolution by its definition: x (N, H, W, C), weight (R, S, C/groups, K), bias (K) → (N, P, Q, K). */
export function conv2d(
  x: NdArray,
  weight: NdArray,
  bias: NdArray | undefined,
  { stride, dilation, padding, groups }: ConvOptions,
): NdArray {
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [R, S, channels, K] = weight.shape as [number, number, number, number];
  const [top, bottom, left, right] = padding;
  // Positions of the window, counted one by one.
  const count = (extent: number, taps: number, step: number, apart: number): number => {
    let positions = 0;
    for (let start = 0; start + (taps - 1) * apart < extent; start += step) positions++;
    return positions;
  };
  const P = count(H + top + bottom, R, stride[0], dilation[0]);
  const Q = count(W + left + right, S, stride[1], dilation[1]);
  const y = zeros([N, P, Q, K]);
  let at = 0;
  for (let n = 0; n < N; n++) {
    for (let p = 0; p < P; p++) {
      for (let q = 0; q < Q; q++) {
        for (let k = 0; k < K; k++) {
          const firstChannel = Math.floor(k / (K / groups)) * channels;
          let sum = bias ? bias.data[k]! : 0;
          for (let r = 0; r < R; r++) {
            const h = p * stride[0] + r * dilation[0] - top;
            if (h < 0 || h >= H) continue;
            for (let s = 0; s < S; s++) {
              const w = q * stride[1] + s * dilation[1] - left;
              if (w < 0 || w >= W) continue;
              const pixel = ((n * H + h) * W + w) * C + firstChannel;
              const tap = (r * S + s) * channels;
              for (let c = 0; c < channels; c++) {
                sum += x.data[pixel + c]! * weight.data[(tap + c) * K + k]!;
              }
            }
          }
          y.data[at++] = sum;
        }
      }
    }
  }
  return y;
}

/** x (N, C) · weight (C, K) + bias (K) → (N, K). */
export function dense(x: NdArray, weight: NdArray, bias: NdArray | undefined): NdArray {
  const [N, C] = x.shape as [number, number];
  const K = weight.shape[1]!;
  const y = zeros([N, K]);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      let sum = bias ? bias.data[k]! : 0;
      for (let c = 0; c < C; c++) sum += x.data[n * C + c]! * weight.data[c * K + k]!;
      y.data[n * K + k] = sum;
    }
  }
  return y;
}

/** The activations that convolutions fuse. */
export function fusedActivation(z: NdArray, name: string | undefined, alpha = 0): NdArray {
  const f = (v: number): number => {
    if (name === "relu") return Math.max(v, 0);
    if (name === "leaky_relu") return v > 0 ? v : alpha * v;
    if (name === "tanh") return Math.tanh(v);
    if (name === "sigmoid") return 1 / (1 + Math.exp(-v));
    return v;
  };
  return { shape: z.shape, data: z.data.map(f) };
}

/** Transposed convolution by its definition, scattered: x (N, H, W, C), weight (R, S, K/groups, C) → (N, P, Q, K). */
export function convTranspose2d(
  x: NdArray,
  weight: NdArray,
  bias: NdArray | undefined,
  options: ConvOptions & { readonly outputPadding: readonly [number, number] },
): NdArray {
  const { stride, dilation, padding, outputPadding, groups } = options;
  const [N, H, W, C] = x.shape as [number, number, number, number];
  const [R, S, channels] = weight.shape as [number, number, number, number];
  const K = channels * groups;
  const [top, bottom, left, right] = padding;
  const P = (H - 1) * stride[0] + (R - 1) * dilation[0] + 1 + outputPadding[0] - top - bottom;
  const Q = (W - 1) * stride[1] + (S - 1) * dilation[1] + 1 + outputPadding[1] - left - right;
  const y = zeros([N, P, Q, K]);
  for (let i = 0; bias && i < y.data.length; i++) y.data[i] = bias.data[i % K]!;
  x.data.forEach((value, i) => {
    const [c, w, h, n] = [
      i % C,
      Math.floor(i / C) % W,
      Math.floor(i / (C * W)) % H,
      Math.floor(i / (C * W * H)),
    ];
    const firstChannel = Math.floor(c / (C / groups)) * channels;
    for (let r = 0; r < R; r++)
      for (let s = 0; s < S; s++) {
        const p = h * stride[0] + r * dilation[0] - top;
        const q = w * stride[1] + s * dilation[1] - left;
        if (p < 0 || p >= P || q < 0 || q >= Q) continue;
        for (let k = 0; k < channels; k++) {
          const at = ((n * P + p) * Q + q) * K + firstChannel + k;
          y.data[at]! += value * weight.data[((r * S + s) * channels + k) * C + c]!;
        }
      }
  });
  return y;
}
