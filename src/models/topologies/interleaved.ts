import { ShapeError } from "../../base/errors.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type ActivationLike, conv2d, dense, flatten } from "../../layers/index.ts";
import { type BlockOptions, basicBlock, plainBlock } from "../blocks.ts";
import { carried, checked, type Model, type ModelOptions } from "../model.ts";

/** Options of `interleaved`. */
export interface InterleavedOptions extends ModelOptions {
  /** Channels after the first convolution, the first block, the second convolution and the second block. */
  readonly widths?: readonly [number, number, number, number];
  /** Activation after the two plain convolutions. Default: none, as in the original. */
  readonly activation?: ActivationLike;
}

/**
 * Convolutions with residual blocks between them: conv 3×3 → block, stride 2 → conv 3×3 → block, stride 2 →
 * flatten → dense. 28×28×3 by default, with 326,346 parameters. Throws ShapeError unless height and width are
 * multiples of 4, the product of the strides.
 */
export const interleaved = (options: InterleavedOptions = {}): Model =>
  alternating("interleaved", options, basicBlock);

/** Options of `convnet`. */
export interface ConvnetOptions extends InterleavedOptions {
  /** Whether batch norm follows the convolutions of the blocks. Default true. */
  readonly batchNorm?: boolean;
}

/**
 * The baseline for `interleaved`: two plain convolutions of the same widths and strides in place of each residual
 * block. Throws ShapeError likewise.
 */
export function convnet(options: ConvnetOptions = {}): Model {
  const { batchNorm = true } = options;
  const model = alternating("convnet", options, (x, name, block) =>
    plainBlock(x, name, { ...block, batchNorm }),
  );
  return { ...model, options: { ...model.options, batchNorm } };
}

function alternating(
  name: string,
  options: InterleavedOptions,
  block: (x: Tensor, name: string, options: BlockOptions) => Tensor,
): Model {
  const { inputShape = [28, 28, 3], classes = 10, widths = [16, 32, 64, 128], activation } = options;
  const [H, W] = inputShape;
  if (H < 4 || W < 4 || H % 4 !== 0 || W % 4 !== 0) {
    const reason = "height and width must be multiples of 4, the product of the strides";
    throw new ShapeError(name, reason, `inputShape (${inputShape.join(", ")})`);
  }
  const plain = { kernelSize: 3, padding: 1, ...(activation && { activation }) };
  return checked({
    name,
    inputShape,
    classes,
    options: { inputShape, classes, widths, ...(activation && { activation }), ...carried(options) },
    ...carried(options),
    build(images) {
      let x = conv2d(images, "conv1", { ...plain, outChannels: widths[0] });
      x = block(x, "block1", { outChannels: widths[1], stride: 2 });
      x = conv2d(x, "conv2", { ...plain, outChannels: widths[2] });
      x = block(x, "block2", { outChannels: widths[3], stride: 2 });
      return dense(flatten(x), "fc", { outFeatures: classes });
    },
  });
}
