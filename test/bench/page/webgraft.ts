import {
  crossEntropy,
  Graph,
  loadTuning,
  openDevice,
  Program,
  pad,
  plan,
  Session,
  sgd,
  type Tensor,
  Variables,
  VERSION,
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
  let program: Program;
  let result: Tensor;
  if (task === "training") {
    result = crossEntropy(logits, graph.input("labels", [batch], "i32"));
    graph.output("result", result);
    program = new Program(graph, [[result, null]]);
    sgd({ lr: learningRate, momentum }).emit(program);
  } else {
    graph.output("result", logits);
    program = new Program(graph);
  }

  const variables = new Variables(gpu);
  for (const variable of [...graph.parameters, ...graph.states]) {
    variables.write(variable.tensor, fromFile(variable, problem.weights.get(variable.name)!.data));
  }
  const session = await Session.create(gpu, plan(program, gpu.limits), variables);
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
