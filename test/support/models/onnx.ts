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
  const data = new Float32Array(images.length);
  for (let i = 0; i < images.length; i++) {
    const [n, pixel, c] = [Math.floor(i / (H * W * C)), Math.floor(i / C) % (H * W), i % C];
    data[(n * C + c) * H * W + pixel] = images[i]!;
  }
  const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
  const results = await session.run({ [input]: new Tensor("float32", data, [N, C, H, W]) });
  await session.release();
  return results[output]!.data as Float32Array;
}
