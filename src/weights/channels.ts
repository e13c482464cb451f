/** Adapts the first convolution's weights between grey and colour images. */

/**
 * Whether a weight [K, C, R, S] can be adapted to another: from three input channels to one, or from one to three,
 * with all other extents the same.
 */
export function isAdaptable(from: readonly number[], to: readonly number[]): boolean {
  const [, C] = from;
  const [, ours] = to;
  const others = (shape: readonly number[]): string => shape.toSpliced(1, 1).join();
  const sizes = (C === 3 && ours === 1) || (C === 1 && ours === 3);
  return from.length === 4 && to.length === 4 && sizes && others(from) === others(to);
}

/**
 * From a weight [K, 3, R, S], makes [K, 1, R, S] with the same output for a grey image as the original has for three
 * equal channels: the sum over the channels, like timm's `adapt_input_conv` (timm/models/_manipulate.py). From
 * [K, 1, R, S], makes [K, 3, R, S] with a third of the weight for each channel.
 *
 * Both are exact up to rounding if the three channels hold the same numbers, that is, if all channels are normalised
 * by the same mean and std. If the constants differ a little by channel, like ImageNet's, outputs are close.
 */
export function adaptChannels(weight: Float32Array, from: readonly number[]): Float32Array {
  const [K, C, R, S] = from as [number, number, number, number];
  const pixels = R * S;
  const ours = C === 3 ? 1 : 3;
  const adapted = new Float32Array(K * ours * pixels);
  for (let k = 0; k < K; k++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = k * C * pixels + pixel;
      if (C === 3) {
        adapted[k * pixels + pixel] = weight[at]! + weight[at + pixels]! + weight[at + 2 * pixels]!;
      } else {
        for (let c = 0; c < 3; c++) adapted[(3 * k + c) * pixels + pixel] = weight[at]! / 3;
      }
    }
  }
  return adapted;
}
