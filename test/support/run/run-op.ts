import type { Seed } from "../../../src/graph/autodiff.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { isFloat, pad } from "../../../src/graph/tensor.ts";
import { lower, type Program } from "../../../src/ops/lower.ts";
import type { Steps } from "../../../src/plan/plan.ts";
import type { Live } from "../../../src/run/live.ts";
import { type Feeds, type Outputs, openSession } from "../../../src/run/session.ts";
import { Variables } from "../../../src/run/variables.ts";
import { LIVE } from "../op/declaration.ts";
import type { NdArray } from "../reference/ndarray.ts";
import { testGpu } from "./gpu.ts";

export interface Running<P extends Steps> {
  readonly program: P;
  readonly variables: Variables;
  /** Runs one step; live scalars not given are those of `LIVE`. */
  step(feeds: Feeds, live?: Partial<Live>): Promise<Outputs>;
  close(): void;
}

/** A program on the test device, with its own variables at their initial values. */
export async function openProgram<P extends Steps>(program: P): Promise<Running<P>> {
  const gpu = await testGpu();
  const { parameters, states } = program.graph;
  const variables = new Variables(gpu);
  variables.initialize([...parameters, ...states], 1);
  const session = await openSession(gpu, program, variables);
  return {
    ...{ program, variables },
    step: (feeds, live) => session.submit(feeds, { ...LIVE, ...live }),
    close() {
      session.destroy();
      variables.destroy();
    },
  };
}

/** Arrays by the names of the program's inputs, in the padded layout. */
export const feedsOf = ({ graph }: Steps, arrays: Readonly<Record<string, NdArray>>): Feeds =>
  Object.fromEntries(
    [...graph.inputs].map(
      ([
        name,
        {
          storage: { dtype },
        },
      ]) => {
        const { shape, data } = arrays[name]!;
        if (isFloat(dtype)) return [name, pad(Float32Array.from(data), shape)];
        return [name, dtype === "i32" ? Int32Array.from(data) : Uint32Array.from(data)];
      },
    ),
  );

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
