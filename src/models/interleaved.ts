import { ShapeError } from "../errors.ts";
import { type ActivationLike, conv2d, dense, flatten } from "../layers/index.ts";
import { basicBlock } from "./blocks.ts";
import type { Model, ModelOptions } from "./model.ts";

export interface InterleavedOptions extends ModelOptions {
  /** Channels after the convolution, the block, the second convolution and the second block. */
  readonly widths?: readonly [number, number, number, number];
  /** After the two plain convolutions; by default none, as in the original. */
  readonly activation?: ActivationLike;
}

/**
 * Convolutions with residual blocks between them: conv 3×3 → block, stride 2 → conv 3×3 → block, stride 2 →
 * flatten → dense. 28×28 images of 3 channels by default: 326,346 parameters. Throws ShapeError unless height
 * and width are multiples of 4, the product of the strides.
 */
export function interleaved(options: InterleavedOptions = {}): Model {
  const { inputShape = [28, 28, 3], classes = 10, widths = [16, 32, 64, 128], activation } = options;
  const [H, W] = inputShape;
  if (H < 4 || W < 4 || H % 4 !== 0 || W % 4 !== 0) {
    const reason = "height and width must be multiples of 4, the product of the strides";
    throw new ShapeError("interleaved", reason, `inputShape (${inputShape.join(", ")})`);
  }
  const plain = { kernelSize: 3, padding: 1, ...(activation && { activation }) };
  return {
    name: "interleaved",
    inputShape,
    classes,
    options: { inputShape, classes, widths, ...(activation && { activation }) },
    build(images) {
      let x = conv2d(images, "conv1", { ...plain, outChannels: widths[0] });
      x = basicBlock(x, "block1", { outChannels: widths[1], stride: 2 });
      x = conv2d(x, "conv2", { ...plain, outChannels: widths[2] });
      x = basicBlock(x, "block2", { outChannels: widths[3], stride: 2 });
      return dense(flatten(x), "fc", { outFeatures: classes });
    },
  };
}
