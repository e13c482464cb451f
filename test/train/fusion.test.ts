import { expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Graph } from "../../src/graph/graph.ts";
import { pad } from "../../src/graph/tensor.ts";
import type { Capabilities } from "../../src/kernel/capabilities.ts";
import { crossEntropy } from "../../src/layers/index.ts";
import { convnet, interleaved, type Model, resnet, vgg } from "../../src/models/index.ts";
import { type LowerOptions, lower } from "../../src/ops/lower.ts";
import { type Outputs, openSession } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { testGpu } from "../support/run/gpu.ts";

const BATCH = 3;

/** A device whose bandwidth is worth sparing, whose kernels share through workgroup memory even for small layers. */
const GPU: Capabilities = {
  features: [],
  tuned: ({ op }) => (op === "conv2d" ? "4x4_workgroup_8x8" : undefined),
};

/** Loss and all gradients of a training step, or logits and loss of an evaluation. */
async function run(
  model: Model,
  mode: "train" | "eval",
  options: LowerOptions,
  device?: Capabilities,
): Promise<Outputs> {
  const gpu = await testGpu();
  const graph = new Graph({ mode, ...gpu.graphOptions, ...(device && { device }) });
  const shape = [BATCH, ...model.inputShape];
  const logits = model.build(graph.input("images", shape));
  const loss = crossEntropy(logits, graph.input("labels", [BATCH], "i32"));
  graph.output("loss", loss);
  if (mode === "eval") graph.output("logits", logits);
  const program = lower(graph, mode === "train" ? [[loss, null]] : [], options);
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

const largestOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Expects each output to differ by at most `tolerance`, relative to its largest number. Gradients that would be zero but
 * for rounding, such as of a bias before a batch norm, count as `least` of the largest of all.
 */
function expectAlike(actual: Outputs, expected: Outputs, tolerance: number, what: string, least = 0): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  const zero = least * largestOf(Object.values(expected).map(largestOf));
  for (const [name, values] of Object.entries(expected)) {
    const scale = Math.max(largestOf(values), zero);
    const difference = largestOf(Array.from(values, (v, i) => v - actual[name]![i]!));
    expect(difference, `${what}: ${name}, whose values are up to ${scale}`).toBeLessThanOrEqual(
      tolerance * scale,
    );
  }
}

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
    const [one, each] = [await run(model, mode, {}), await run(model, mode, { fuse: false })];
    expectAlike(one, each, tolerance, mode);
  }
});

// The moments of an output are summed up in another order.
it.each<[string, Model]>([
  ["interleaved", interleaved({ inputShape: [20, 12, 3], widths })],
  // Of 64×64 pixels, so that the last maps have more than a pixel to normalise.
  ["resnet50", resnet(50, { ...small, inputShape: [64, 64, 3], width: 4 })],
])("%s gives the same with and without what pays on a GPU", async (_, model) => {
  const one = await run(model, "train", {}, GPU);
  expectAlike(one, await run(model, "train", { fusions: [] }, GPU), 5e-3, "kept", 0.01);
  expect(await run(model, "train", { memory: "recompute" }, GPU), "recomputed").toEqual(one);
});
