import type { Seed } from "../../../src/graph/autodiff.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { lower, type Program } from "../../../src/ops/lower.ts";
import type { Steps } from "../../../src/plan/plan.ts";
import type { Live } from "../../../src/run/live.ts";
import type { Feeds, Outputs } from "../../../src/run/session.ts";
import { openOn, type Running } from "../../../src/testing/run.ts";
import { testGpu } from "./gpu.ts";

export { feedsOf } from "../../../src/testing/arrays.ts";

/** A program on the test device, with its own variables at their initial values. */
export const openProgram = async <P extends Steps>(program: P): Promise<Running<P>> =>
  openOn(await testGpu(), program);

/** Runs one step for each of `steps` on the test device, from initial variables; `outputs` adds what to read. */
export async function runProgram(
  graph: Graph,
  seeds: readonly Seed[],
  feeds: Feeds,
  outputs: (program: Program) => void,
  steps: readonly Partial<Live>[] = [{}],
): Promise<Outputs[]> {
  const program = lower(graph, seeds);
  outputs(program);
  const running = await openProgram(program);
  try {
    const results: Outputs[] = [];
    for (const live of steps) results.push(await running.step(feeds, live));
    return results;
  } finally {
    running.close();
  }
}
