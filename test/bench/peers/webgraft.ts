import {
  crossEntropy,
  Graph,
  interleaved,
  openDevice,
  Program,
  pad,
  plan,
  Session,
  sgd,
  Variables,
} from "webgraft";
import { fromFile } from "../../../src/weights/layout.ts";
import type { Contestant, Problem } from "../contestant.ts";

export default async function makeWebgraft(problem: Problem): Promise<Contestant> {
  const { batch, size, channels, classes, learningRate, momentum } = problem;
  const model = interleaved({ inputShape: [size, size, channels], classes });
  const gpu = await openDevice();
  const graph = new Graph({ mode: "train", device: gpu.capabilities });
  const shape = [batch, size, size, channels];
  const logits = model.build(graph.input("images", shape));
  const loss = crossEntropy(logits, graph.input("labels", [batch], "i32"));
  graph.output("loss", loss);
  const program = new Program(graph, [[loss, null]]);
  sgd({ lr: learningRate, momentum }).emit(program);

  const variables = new Variables(gpu);
  variables.initialize([...graph.parameters, ...graph.states], 0);
  for (const parameter of graph.parameters) {
    variables.write(parameter.tensor, fromFile(parameter, problem.weights.get(parameter.name)!.values));
  }
  const session = await Session.create(gpu, plan(program, gpu.limits), variables);
  const feeds = { images: pad(problem.images, shape), labels: problem.labels };
  let step = 0;
  return {
    name: "webgraft",
    async step() {
      await session.ready();
      const outputs = await session.submit(feeds, { step: ++step, seed: 0, learningRate });
      await gpu.device.queue.onSubmittedWorkDone();
      return outputs.loss![0]!;
    },
  };
}
