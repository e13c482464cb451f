import { expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Graph } from "../../src/graph/graph.ts";
import { pad } from "../../src/graph/tensor.ts";
import { crossEntropy } from "../../src/layers/index.ts";
import { convnet, interleaved, type Model, resnet, vgg } from "../../src/models/index.ts";
import { lower } from "../../src/ops/lower.ts";
import { type Outputs, openSession } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { testGpu } from "../support/run/gpu.ts";

const BATCH = 3;

/** Loss and all gradients of a training step, or logits and loss of an evaluation. */
async function run(model: Model, mode: "train" | "eval", fuse: boolean): Promise<Outputs> {
  const gpu = await testGpu();
  const graph = new Graph({ mode, ...gpu.graphOptions });
  const shape = [BATCH, ...model.inputShape];
  const logits = model.build(graph.input("images", shape));
  const loss = crossEntropy(logits, graph.input("labels", [BATCH], "i32"));
  graph.output("loss", loss);
  if (mode === "eval") graph.output("logits", logits);
  const program = lower(graph, mode === "train" ? [[loss, null]] : [], { fuse });
  if (mode === "train") {
    for (const { name, tensor } of graph.parameters) graph.output(name, program.gradients.get(tensor)!);
  }
  for (const { name, tensor } of graph.states) graph.output(name, tensor);
  const variables = new Variables(gpu);
  // Weights of batch norms are 1 and biases 0 at first, which would hide much.
  const random = new Random(3, "weights");
  for (const { name, tensor, init } of [...graph.parameters, ...graph.states]) {
    const values = init(tensor.shape, new Random(1, name));
    variables.write(
      tensor,
      tensor.shape.length === 1 ? values.map((v) => v + 0.3 * random.uniform()) : values,
    );
  }
  const session = await openSession(gpu, program, variables);
  const length = shape.reduce((product, extent) => product * extent, 1);
  const images = Float32Array.from({ length }, () => 2 * random.uniform() - 1);
  try {
    const feeds = { images: pad(images, shape), labels: Int32Array.of(1, 0, 2) };
    return await session.submit(feeds, { step: 1, seed: 5, learningRate: 0 });
  } finally {
    session.destroy();
    variables.destroy();
  }
}

const small = { inputShape: [32, 32, 3], classes: 4 } as const;
const widths = [6, 10, 12, 18] as const;

// Without batch norms each value goes through the same operations in the same order. What fusing a batch norm may
// change is the rounding of z: compilers contract products and sums that are in one kernel.
it.each<[string, Model, number]>([
  ["convnet", convnet({ inputShape: [20, 12, 3], widths, batchNorm: false, activation: "sigmoid" }), 0],
  ["vgg11", vgg(11, { ...small, width: 6, hidden: 10 }), 0],
  ["vgg11 with batch norm", vgg(11, { ...small, width: 6, hidden: 10, batchNorm: true }), 1e-4],
  ["interleaved", interleaved({ inputShape: [20, 12, 3], widths, activation: "tanh" }), 1e-4],
  ["resnet50", resnet(50, { ...small, width: 4 }), 1e-4],
])("%s gives the same with and without fusion", async (_, model, tolerance) => {
  for (const mode of ["train", "eval"] as const) {
    const [one, each] = [await run(model, mode, true), await run(model, mode, false)];
    expect(Object.keys(one)).toEqual(Object.keys(each));
    for (const name of Object.keys(each)) {
      const [actual, expected] = [one, each].map((outputs) => [...outputs[name]!]) as [number[], number[]];
      const scale = Math.max(...expected.map(Math.abs));
      const difference = Math.max(...expected.map((v, i) => Math.abs(v - actual[i]!)));
      expect(difference, `${mode}: ${name}, whose values are up to ${scale}`).toBeLessThanOrEqual(
        tolerance * scale,
      );
    }
  }
});
