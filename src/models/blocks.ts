import type { Tensor } from "../graph/tensor.ts";
import { type BatchNormOptions, batchNorm, conv2d } from "../layers/index.ts";

export interface BlockOptions {
  readonly outChannels: number;
  /** Default 1. */
  readonly stride?: number;
  /** Of all batch norms of the block. */
  readonly norm?: Pick<BatchNormOptions, "eps" | "momentum">;
}

/**
 * The basic residual block: conv 3×3 – BN – ReLU – conv 3×3 – BN, plus x, ReLU; where stride or channels change
 * the shape, x goes through a 1×1 convolution and BN first. x (N, H, W, C) → (N, ⌈H/stride⌉, ⌈W/stride⌉, K).
 * Parameters as torchvision names them: conv1, bn1, conv2, bn2, downsample.0, downsample.1.
 *
 * He et al., "Deep Residual Learning for Image Recognition", 2016.
 */
export function basicBlock(x: Tensor, name: string, options: BlockOptions): Tensor {
  const { outChannels, stride = 1, norm } = options;
  const conv3x3 = { outChannels, kernelSize: 3, padding: 1, bias: false };
  const inner = conv2d(x, `${name}.conv1`, { ...conv3x3, stride });
  const active = batchNorm(inner, `${name}.bn1`, { ...norm, activation: "relu" });
  const outer = conv2d(active, `${name}.conv2`, conv3x3);
  const residual = shortcut(x, `${name}.downsample`, options);
  return batchNorm(outer, `${name}.bn2`, { ...norm, residual, activation: "relu" });
}

/** x itself, or where its shape has to change, conv 1×1 (`name.0`) – BN (`name.1`). */
export function shortcut(x: Tensor, name: string, { outChannels, stride = 1, norm }: BlockOptions): Tensor {
  if (stride === 1 && x.shape.at(-1) === outChannels) return x;
  const projected = conv2d(x, `${name}.0`, { outChannels, kernelSize: 1, stride, bias: false });
  return batchNorm(projected, `${name}.1`, norm);
}

/**
 * Two convolutions 3×3, the first of them with the stride, each with BN (unless `batchNorm` is false) and ReLU: a
 * basic block without its shortcut. Parameters: conv1, bn1, conv2, bn2.
 */
export function plainBlock(
  x: Tensor,
  name: string,
  { outChannels, stride = 1, norm, batchNorm: normalised = true }: BlockOptions & { batchNorm?: boolean },
): Tensor {
  const conv3x3 = { outChannels, kernelSize: 3, padding: 1 };
  let y = x;
  for (const i of [1, 2]) {
    const conv = { ...conv3x3, stride: i === 1 ? stride : 1 };
    y = normalised
      ? batchNorm(conv2d(y, `${name}.conv${i}`, { ...conv, bias: false }), `${name}.bn${i}`, {
          ...norm,
          activation: "relu",
        })
      : conv2d(y, `${name}.conv${i}`, { ...conv, activation: "relu" });
  }
  return y;
}
