/** Inference in ONNX Runtime Web, with the file that `exportOnnx` makes. */

import wasmUrl from "onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url";
import { env, InferenceSession, Tensor } from "onnxruntime-web/webgpu";
import { exportOnnx } from "webgraft";
import type { Contestant, Problem } from "../page/contestant.ts";
import { channelsFirst } from "../page/layout.ts";

export default async function makeOrt(problem: Problem): Promise<Contestant> {
  const { batch, model, weights } = problem;
  const [height, width, channels] = model.inputShape;
  env.wasm.wasmPaths = { wasm: wasmUrl };
  // Threads need cross-origin isolation, and only help work that is not on the GPU.
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(exportOnnx(model, weights), {
    executionProviders: ["webgpu"],
  });
  const images = new Tensor("float32", channelsFirst(problem), [batch, channels, height, width]);
  return {
    name: `ONNX Runtime Web ${env.versions.web}`,
    async run() {
      const { logits } = await session.run({ images });
      return (await logits!.getData()) as Float32Array;
    },
  };
}
