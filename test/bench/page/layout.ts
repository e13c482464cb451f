import type { Problem } from "./contestant.ts";

/** The images as (N, C, H, W). */
export function channelsFirst({ images, batch, model }: Problem): Float32Array<ArrayBuffer> {
  const [height, width, channels] = model.inputShape;
  const pixels = height * width;
  const result = new Float32Array(images.length);
  for (let n = 0; n < batch; n++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let c = 0; c < channels; c++) {
        result[(n * channels + c) * pixels + pixel] = images[(n * pixels + pixel) * channels + c]!;
      }
    }
  }
  return result;
}
