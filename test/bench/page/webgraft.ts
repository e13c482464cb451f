import {
  crossEntropy,
  Graph,
  loadTuning,
  lower,
  openDevice,
  openSession,
  pad,
  type Steps,
  sgd,
  type Tensor,
  Variables,
  VERSION,
  withUpdate,
} from "webgraft";
import { fromFile } from "../../../src/weights/layout.ts";
import type { Contestant, Problem } from "./contestant.ts";

export default async function makeWebgraft(problem: Problem): Promise<Contestant> {
  const { task, model, batch, learningRate, momentum } = problem;
  const gpu = await openDevice();
  // Like a Trainer.
  await loadTuning(gpu);
  const graph = new Graph({ mode: task === "training" ? "train" : "eval", ...gpu.graphOptions });
  const shape = [batch, ...model.inputShape];
  const logits = model.build(graph.input("images", shape));
  let steps: Steps;
  let result: Tensor;
  if (task === "training") {
    result = crossEntropy(logits, graph.input("labels", [batch], "i32"));
    graph.output("result", result);
    const program = lower(graph, [[result, null]]);
    steps = withUpdate(program, sgd({ lr: learningRate, momentum }).emit(graph, program));
  } else {
    graph.output("result", logits);
    steps = lower(graph);
  }

  const variables = new Variables(gpu);
  for (const variable of [...graph.parameters, ...graph.states]) {
    variables.write(variable.tensor, fromFile(variable, problem.weights.get(variable.name)!.data));
  }
  const session = await openSession(gpu, steps, variables);
  const images = pad(problem.images, shape);
  const feeds = task === "training" ? { images, labels: problem.labels } : { images };
  let step = 0;
  return {
    name: `webgraft ${VERSION}`,
    async run() {
      await session.ready();
      const outputs = await session.submit(feeds, { step: ++step, seed: 0, learningRate });
      await gpu.device.queue.onSubmittedWorkDone();
      const values = outputs.result as Float32Array;
      // The mean loss comes first.
      return task === "training" ? values.subarray(0, 1) : values;
    },
  };
}
