import type { Gpu } from "../gpu/device.ts";
import type { Steps } from "../plan/plan.ts";
import type { Live } from "../run/live.ts";
import { type Feeds, type Outputs, openSession } from "../run/session.ts";
import { Variables } from "../run/variables.ts";

/** The live scalars of the tests' steps. */
export const LIVE: Live = { step: 1, seed: 5, learningRate: 0.1 };

export interface Running<P extends Steps> {
  readonly program: P;
  readonly variables: Variables;
  /** Runs one step; live scalars not given are those of `LIVE`. */
  step(feeds: Feeds, live?: Partial<Live>): Promise<Outputs>;
  close(): void;
}

/** A program on a device, with its own variables at their initial values. */
export async function openOn<P extends Steps>(gpu: Gpu, program: P): Promise<Running<P>> {
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
