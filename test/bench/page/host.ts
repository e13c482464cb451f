import {
  crossEntropy,
  type Gpu,
  Graph,
  lower,
  openSession,
  resnet,
  sgd,
  Variables,
  withUpdate,
} from "webgraft";
import type { HostResult } from "../report.ts";
import { spread } from "../statistics.ts";
import type { Progress } from "./offer.ts";

/** Two small images: the host's work in a step does not depend on their size. */
const SHAPE = [2, 32, 32, 3] as const;

/** Measures the CPU's work in a training step of ResNet-50: from the call of `submit` until it returns. */
export async function measureHost(gpu: Gpu, steps: number, progress: Progress): Promise<HostResult> {
  progress({ done: 0, total: steps, text: "host: making resnet50" });
  const [batch, ...inputShape] = SHAPE;
  const graph = new Graph({ mode: "train", ...gpu.graphOptions });
  const logits = resnet(50, { inputShape }).build(graph.input("images", SHAPE));
  const loss = crossEntropy(logits, graph.input("labels", [batch], "i32"));
  graph.output("loss", loss);
  const program = lower(graph, [[loss, null]]);
  const step = withUpdate(program, sgd({ lr: 0 }).emit(graph, program));
  const variables = new Variables(gpu);
  const session = await openSession(gpu, step, variables);
  const feeds = { images: new Float32Array(2 * 32 * 32 * 4), labels: new Int32Array(batch) };
  const times: number[] = [];
  // The first step warms up.
  for (let done = 0; done <= steps; done++) {
    progress({ done, total: steps, text: "host: steps of resnet50" });
    await session.ready();
    const start = performance.now();
    const outputs = session.submit(feeds, { step: done + 1, seed: 0, learningRate: 0 });
    if (done > 0) times.push(performance.now() - start);
    await outputs;
  }
  const { dispatches } = session.plan;
  session.destroy();
  variables.destroy();
  return { name: "resnet50", dispatches: dispatches.length, ...spread(times) };
}
