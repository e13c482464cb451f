import { Graph } from "../../../src/graph/graph.ts";
import { pad } from "../../../src/graph/tensor.ts";
import type { Model } from "../../../src/models/index.ts";
import { lower } from "../../../src/ops/lower.ts";
import { openSession } from "../../../src/run/session.ts";
import { Variables } from "../../../src/run/variables.ts";
import { fromFile } from "../../../src/weights/layout.ts";
import type { NamedWeights } from "../../../src/weights/tensors.ts";
import { testGpu } from "./gpu.ts";

/** Logits of images (N, H, W, C) on the test device, with weights in PyTorch's layouts. */
export async function runModel(
  model: Model,
  weights: NamedWeights,
  images: Float32Array,
  batch: number,
): Promise<Float32Array> {
  const gpu = await testGpu();
  const graph = new Graph({ mode: "eval", ...gpu.graphOptions });
  const shape = [batch, ...model.inputShape];
  graph.output("logits", model.build(graph.input("images", shape)));
  const variables = new Variables(gpu);
  for (const variable of [...graph.parameters, ...graph.states]) {
    variables.write(variable.tensor, fromFile(variable, weights.get(variable.name)!.data));
  }
  const session = await openSession(gpu, lower(graph), variables);
  try {
    const { logits } = await session.submit(
      { images: pad(images, shape) },
      { step: 1, seed: 0, learningRate: 0 },
    );
    return logits as Float32Array;
  } finally {
    session.destroy();
    variables.destroy();
  }
}
