import { describe, expect, it } from "vitest";
import { fuse } from "../../../src/graph/fusion.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import {
  add,
  batchNorm,
  conv2d,
  crossEntropy,
  dense,
  flatten,
  gelu,
  globalAvgPool,
  leakyRelu,
  maxPool2d,
  relu,
  sigmoid,
  silu,
} from "../../../src/layers/index.ts";
import { interleaved, resnet, vgg } from "../../../src/models/index.ts";
import { lower } from "../../../src/ops/lower.ts";
import { plan } from "../../../src/plan/plan.ts";
import { programOf } from "../../support/models/programs.ts";

/** What is left of the nodes that `build` appends: operation, residual and activation. */
function fused(build: (x: Tensor, graph: Graph) => Tensor, kept = true): string[] {
  const graph = new Graph({ mode: "train" });
  const x = graph.input("x", [2, 8, 8, 4], "f32", true);
  const y = build(x, graph);
  if (kept) graph.output("y", y);
  return fuse(graph).map(({ op, inputs, attrs }) => {
    const { activation } = attrs as { activation?: { name: string } };
    return [op.name, inputs.residual && "residual", activation?.name].filter(Boolean).join(" ");
  });
}

const conv = (x: Tensor, name: string) => conv2d(x, name, { outChannels: 4, kernelSize: 3, padding: 1 });

describe("fuse", () => {
  it("gives an operation the activation that follows it", () => {
    expect(fused((x) => relu(conv(x, "a")))).toEqual(["conv2d relu"]);
    expect(fused((x) => sigmoid(dense(flatten(x), "a", { outFeatures: 3 })))).toEqual([
      "flatten",
      "dense sigmoid",
    ]);
    expect(fused((x) => leakyRelu(add(x, gelu(x))))).toEqual(["activation", "add leaky_relu"]);
    // It computes its input again, so any activation will do.
    expect(fused((x) => silu(batchNorm(x, "a")))).toEqual(["batch_norm silu"]);
  });

  it("takes one activation only, whose derivative follows from its output", () => {
    expect(fused((x) => gelu(conv(x, "a")))).toEqual(["conv2d", "activation"]);
    expect(fused((x) => leakyRelu(conv(x, "a"), 0))).toEqual(["conv2d", "activation"]);
    expect(fused((x) => relu(relu(conv(x, "a"))))).toEqual(["conv2d relu", "activation"]);
    expect(fused((x) => silu(add(batchNorm(conv(x, "a"), "b"), x)))).toEqual([
      ...["conv2d", "batch_norm residual", "activation"],
    ]);
  });

  it("gives a batch norm the sum after it, whichever way it is written", () => {
    for (const swap of [false, true]) {
      const block = (x: Tensor) => {
        const y = batchNorm(conv(x, "a"), "b");
        return relu(swap ? add(x, y) : add(y, x));
      };
      expect(fused(block)).toEqual(["conv2d", "batch_norm residual relu"]);
    }
    const projected = (x: Tensor) =>
      batchNorm(conv(x, "a"), "b", { residual: batchNorm(conv(x, "c"), "d"), activation: "relu" });
    expect(fused(projected)).toEqual(["conv2d", "conv2d", "batch_norm", "batch_norm residual relu"]);
  });

  it("leaves a sum that is not of a batch norm and another tensor", () => {
    expect(fused((x) => add(batchNorm(x, "b"), x))).toEqual(["batch_norm", "add"]);
    expect(
      fused((x) => {
        const y = batchNorm(x, "b");
        return add(y, y);
      }),
    ).toEqual(["batch_norm", "add"]);
    expect(fused((x) => add(batchNorm(conv(x, "a"), "b", { activation: "relu" }), x))).toEqual([
      ...["conv2d", "batch_norm relu", "add"],
    ]);
  });

  it("lets a max pool apply the activation before it, of which there are then fewer", () => {
    const pooled = (f: (x: Tensor) => Tensor) =>
      fused((x) => maxPool2d(f(batchNorm(conv(x, "a"), "b")), { kernelSize: 2 }));
    expect(pooled(relu)).toEqual(["conv2d", "batch_norm", "max_pool2d relu"]);
    expect(pooled((x) => leakyRelu(x, 0.2))).toEqual(["conv2d", "batch_norm", "max_pool2d leaky_relu"]);
    // A falling f would turn the maximum into a minimum, and f(0) ≠ 0 would fill the padding.
    expect(pooled((x) => leakyRelu(x, -0.2))).toEqual(["conv2d", "batch_norm leaky_relu", "max_pool2d"]);
    expect(pooled(sigmoid)).toEqual(["conv2d", "batch_norm sigmoid", "max_pool2d"]);
  });

  it("keeps what something else takes too, or the host reads", () => {
    const twice = (x: Tensor) => {
      const y = conv(x, "a");
      return add(globalAvgPool(relu(y)), globalAvgPool(y));
    };
    expect(fused(twice)).toEqual(["conv2d", "activation", "global_avg_pool", "global_avg_pool", "add"]);
    const read = (x: Tensor, graph: Graph) => {
      const y = conv(x, "a");
      graph.output("before", flatten(y));
      return relu(y);
    };
    expect(fused(read)).toEqual(["conv2d", "flatten", "activation"]);
  });

  it("leaves the graph as it is, and names what it makes after the last of its parts", () => {
    const graph = new Graph({ mode: "train" });
    const x = graph.input("x", [2, 8, 8, 4], "f32", true);
    const y = relu(conv(x, "a"));
    const [node] = fuse(graph);
    expect(graph.nodes.length).toBe(2);
    expect(node!.label).toBe("a.relu");
    expect(node!.outputs.y).toBe(y);
  });
});

describe("the gradient before a fused activation", () => {
  /** Storages of the gradients that arrive at, and leave, the activations of two branches a and b. */
  function branches(read: boolean) {
    const graph = new Graph({ mode: "train" });
    const x = graph.input("x", [2, 8, 8, 4]);
    const [a, b] = [relu(conv(x, "a")), relu(conv(x, "b"))];
    if (read) graph.output("a", a);
    const loss = crossEntropy(globalAvgPool(add(a, b)), graph.input("labels", [2], "i32"));
    const program = lower(graph, [[loss, null]]);
    const masks = program.dispatches.filter(({ kernel }) => kernel.name === "activation_output_backward");
    return masks.map(({ label, bindings, constants }) => [label, bindings.dz!.name, constants.IN_PLACE]);
  }

  it("takes the place of what arrived where nothing reads that any more", () => {
    const [first, second] = branches(false);
    // Both get the same gradient: the first to use it leaves it to the second.
    expect(first).toEqual(["d(b.relu)", "d(b.relu).dz", 0]);
    expect(second).toEqual(["d(a.relu)", "d(a.relu)", 1]);
  });

  it("has memory of its own where someone may ask for what arrived", () => {
    expect(branches(true)[1]).toEqual(["d(a.relu)", "d(a.relu).dz", 0]);
  });
});

describe("fused models", () => {
  it.each([
    ["interleaved", interleaved(), 14, 6],
    ["resnet18", resnet(18, { inputShape: [32, 32, 3] }), 49, 25],
    ["resnet50", resnet(50, { inputShape: [64, 64, 3] }), 147, 65],
    ["vgg16", vgg(16, { inputShape: [32, 32, 3], hidden: 16 }), 20, 15],
  ] as const)("%s takes fewer launches and no more memory", (_, model, training, evaluation) => {
    for (const [mode, fewer] of [
      ["train", training],
      ["eval", evaluation],
    ] as const) {
      const [one, each] = [true, false].map((fuse) => plan(programOf(model, 2, mode, { fuse })));
      expect(each!.dispatches.length - one!.dispatches.length).toBe(fewer);
      // But for where temporaries happen to lie.
      expect(one!.report.peakBytes).toBeLessThanOrEqual(1.01 * each!.report.peakBytes);
    }
  });
});
