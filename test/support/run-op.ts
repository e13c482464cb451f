import type { Seed } from "../../src/graph/autodiff.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { lower, type Program } from "../../src/graph/lower.ts";
import type { Live } from "../../src/run/live.ts";
import { type Feeds, type Outputs, openSession } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { testGpu } from "./gpu.ts";

/** Runs one step for each of `steps` on the test device, from initial variables; `outputs` adds what to read. */
export async function runProgram(
  graph: Graph,
  seeds: readonly Seed[],
  feeds: Feeds,
  outputs: (program: Program) => void,
  steps: readonly Partial<Live>[] = [{}],
): Promise<Outputs[]> {
  const gpu = await testGpu();
  const program = lower(graph, seeds);
  outputs(program);
  const variables = new Variables(gpu);
  variables.initialize([...graph.parameters, ...graph.states], 1);
  const session = await openSession(gpu, program, variables);
  try {
    const results: Outputs[] = [];
    for (const live of steps) {
      results.push(await session.submit(feeds, { step: 1, seed: 5, learningRate: 0.1, ...live }));
    }
    return results;
  } finally {
    session.destroy();
    variables.destroy();
  }
}
