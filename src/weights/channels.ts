/** The first convolution's weights between grey and colour images. */

/**
 * Whether a convolution's weight [K, C, R, S] can be made of another: of one input channel from three, or of three
 * from one, and the same in all else.
 */
export function isAdaptable(from: readonly number[], to: readonly number[]): boolean {
  const [, C] = from;
  const [, ours] = to;
  const others = (shape: readonly number[]): string => shape.toSpliced(1, 1).join();
  const sizes = (C === 3 && ours === 1) || (C === 1 && ours === 3);
  return from.length === 4 && to.length === 4 && sizes && others(from) === others(to);
}

/**
 * The weight [K, 1, R, S] that gives for a grey image what the given one [K, 3, R, S] gives for it as three equal
 * channels: the sum over the channels, as timm's `adapt_input_conv` takes it (timm/models/_manipulate.py). Or of a
 * weight of one channel the weight of three that gives the same for three equal channels: a third of it for each.
 *
 * Both are exact up to rounding where the three channels are the same numbers: where they are normalised by the same
 * mean and deviation as the one. With constants that differ by channel, as ImageNet's do a little, outputs are near.
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
