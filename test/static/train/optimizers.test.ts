import { expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import { crossEntropyOp } from "../../../src/ops/loss/cross-entropy.ts";
import { lower, type Program } from "../../../src/ops/lower.ts";
import { adam, type Optimizer, optimizers, sgd } from "../../../src/optimizers/index.ts";

/** Cross-entropy of a parameter; nothing runs. */
function lossOfParameter(frozen = false): Program {
  const graph = new Graph({ mode: "train", frozen: () => frozen });
  const logits = graph.parameter("fc.weight", [70, 10], () => new Float32Array(700), true);
  const labels = graph.input("labels", [70], "i32");
  const { loss } = graph.apply(crossEntropyOp, "loss", { logits, labels }, {});
  return lower(graph, [[loss, null]]);
}

const updates = (optimizer: Optimizer) => {
  const program = lossOfParameter();
  const { dispatches, moments } = optimizer.emit(program.graph, program);
  return { moments, kernels: dispatches.map(({ kernel }) => kernel.name), program };
};

it.each(Object.entries(optimizers))(
  "the registry makes %s under its name",
  (name, { create, learningRate }) => {
    expect(create(learningRate)).toMatchObject({ name, learningRate });
  },
);

it("an optimizer is one launch an arena, and two more for norms", () => {
  expect(updates(sgd({ lr: 1 })).kernels).toEqual(["sgd_without_momentum"]);
  expect(updates(adam({ lr: 1 })).kernels).toEqual(["adam"]);
  expect(updates(sgd({ lr: 1, momentum: 0.5, clipNorm: 1 })).kernels).toEqual([
    "arena_squares",
    "arena_norms",
    "sgd",
  ]);
});

it("ratios of updates take two launches an arena around the update, and two for each kind of norms", () => {
  expect(updates(sgd({ lr: 1, momentum: 0.5, updateRatios: true })).kernels).toEqual([
    ...["scale", "sgd", "scale"],
    ...["arena_squares", "arena_norms", "arena_squares", "arena_norms"],
  ]);
});

it("moments are named after their parameter and lie at its offset", () => {
  const { moments, program } = updates(adam({ lr: 1 }));
  expect(moments.map(({ name }) => name)).toEqual([
    "optimizer.first.fc.weight",
    "optimizer.second.fc.weight",
  ]);
  const parameter = program.graph.parameters[0]!.tensor;
  for (const { tensor } of moments) {
    expect(tensor).toMatchObject({ shape: [70, 10], offset: parameter.offset });
    expect(tensor.storage).toMatchObject({ role: "state", length: parameter.storage.length });
  }
  expect(moments[0]!.tensor.storage.name).toBe("adam.first of parameters.0");
});

it("options out of range say which", () => {
  expect(() => sgd({ lr: -1 })).toThrow("sgd: lr must be finite and not negative — -1");
  expect(() => sgd({ lr: 1, nesterov: true })).toThrow("sgd: nesterov needs momentum — 0");
  expect(() => adam({ lr: 1, betas: [0.9, 1] })).toThrow("adam: the second of betas must be in [0, 1) — 1");
  const groups = [{ match: "layer4.*", lrScale: 2 }];
  const emit = (optimizer: Optimizer, program: Program) =>
    expect(() => optimizer.emit(program.graph, program));
  emit(sgd({ lr: 1, groups }), lossOfParameter()).toThrow("sgd: a group matches no parameter — layer4.*");
  emit(sgd({ lr: 1 }), lossOfParameter(true)).toThrow("sgd: no parameter has a gradient");
});
