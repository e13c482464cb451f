/** ONNX Runtime and its inputs, for tests that run in Node. */
import { InferenceSession, Tensor } from "onnxruntime-node";

/** ONNX Runtime's outputs of a file, or one at a path, for a batch of images in our order (N, H, W, C). */
export async function runOnnx(
  file: Uint8Array | string,
  images: ArrayLike<number>,
  [N, H, W, C]: readonly [number, number, number, number],
): Promise<Float32Array> {
  // Of the two kinds each has its own overload.
  const session = await (typeof file === "string"
    ? InferenceSession.create(file)
    : InferenceSession.create(file));
  const [metadata] = session.inputMetadata;
  // Networks of TensorFlow take images in our order.
  const isLast = metadata?.isTensor === true && metadata.shape[1] === H && metadata.shape[3] === C;
  const data = new Float32Array(images.length);
  if (isLast) data.set(images);
  for (let i = 0; i < images.length && !isLast; i++) {
    const [n, pixel, c] = [Math.floor(i / (H * W * C)), Math.floor(i / C) % (H * W), i % C];
    data[(n * C + c) * H * W + pixel] = images[i]!;
  }
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  const results = await session.run({
    [input]: new Tensor("float32", data, isLast ? [N, H, W, C] : [N, C, H, W]),
  });
  await session.release();
  return results[output]!.data as Float32Array;
}
