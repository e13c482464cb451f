import { expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import { Graph } from "../../src/graph/graph.ts";
import { pad } from "../../src/graph/tensor.ts";
import { convnet } from "../../src/models/index.ts";
import { lower } from "../../src/ops/lower.ts";
import { lifetimes } from "../../src/plan/lifetimes.ts";
import { planMemory, total } from "../../src/plan/memory.ts";
import { type Plan, plan } from "../../src/plan/plan.ts";
import { Session } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { testGpu } from "../support/run/gpu.ts";

it("a network whose tensors share slabs with what they are made from gives the same bits", async () => {
  const gpu = await testGpu();
  const graph = new Graph({ mode: "eval", ...gpu.graphOptions });
  const model = convnet({ inputShape: [8, 8, 1], classes: 3 });
  const shape = [4, ...model.inputShape];
  const logits = model.build(graph.input("images", shape));
  graph.output("logits", logits);
  const program = lower(graph);
  const shared = plan(program, gpu.limits);
  const memory = planMemory(lifetimes(program.dispatches, new Set([logits.storage])), gpu.limits);
  const apart: Plan = { ...shared, dispatches: program.dispatches, memory };
  expect(shared.dispatches.some(({ kernel }) => kernel.name.includes("_writable_"))).toBe(true);
  expect(total(shared.memory)).toBeLessThan(total(memory));

  const variables = new Variables(gpu);
  variables.initialize([...graph.parameters, ...graph.states], 1);
  const random = new Random(1, "images");
  const images = pad(
    Float32Array.from({ length: 4 * 8 * 8 }, () => random.normal()),
    shape,
  );
  const results: unknown[] = [];
  for (const planned of [shared, apart]) {
    const session = await Session.create(gpu, planned, variables);
    results.push(await session.submit({ images }, { step: 1, seed: 0, learningRate: 0 }));
    session.destroy();
  }
  variables.destroy();
  expect(results[0]).toEqual(results[1]);
});
