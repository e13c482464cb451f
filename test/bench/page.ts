/** The browser's side: makes the contestants, checks that they agree, and times their steps in turns. */
import type { Contestant, MakeContestant } from "./contestant.ts";
import { makeProblem } from "./problem.ts";

export interface Settings {
  readonly contestants: readonly string[];
  readonly batch: number;
  /** Timed steps of each contestant, after `WARM_UPS`. */
  readonly steps: number;
}

export interface Timing {
  readonly name: string;
  /** From making the contestant to the result of its first step: compilation, upload, one step. */
  readonly firstStepMs: number;
  readonly stepMs: readonly number[];
  /** Losses of the first `WARM_UPS` steps. */
  readonly losses: readonly number[];
}

export interface Result {
  readonly adapter: string;
  readonly timings: readonly Timing[];
}

/** Steps before timing, which are also compared. */
const WARM_UPS = 3;
/** Small enough for rounding errors not to grow in the steps that are compared. */
const LEARNING_RATE = 0.001;
/** Allowed difference of losses, relative: a few roundings of f32, far below what a wrong gradient causes. */
const TOLERANCE = 1e-4;

/** `report` is told what is being done. */
async function bench(settings: Settings, report: (line: string) => void): Promise<Result> {
  const problem = makeProblem(settings.batch, LEARNING_RATE);
  const entrants: { contestant: Contestant; firstStepMs: number; losses: number[]; stepMs: number[] }[] = [];
  for (const file of settings.contestants) {
    const make = ((await import(`./peers/${file}.ts`)) as { default: MakeContestant }).default;
    const start = performance.now();
    const contestant = await make(problem);
    const losses = [await contestant.step()];
    const firstStepMs = performance.now() - start;
    while (losses.length < WARM_UPS) losses.push(await contestant.step());
    report(`${contestant.name}: losses ${losses.map((loss) => loss.toFixed(5)).join(" ")}`);
    entrants.push({ contestant, firstStepMs, losses, stepMs: [] });
  }
  checkAgreement(entrants.map(({ contestant: { name }, losses }) => ({ name, losses })));
  for (let i = 1; i <= settings.steps; i++) {
    // Turns, so that whatever slows the machine down for a while slows all contestants down.
    for (const { contestant, stepMs } of entrants) {
      const start = performance.now();
      await contestant.step();
      stepMs.push(performance.now() - start);
    }
    const times = entrants.map(
      ({ contestant, stepMs }) => `${contestant.name} ${stepMs.at(-1)!.toFixed(0)} ms`,
    );
    report(`step ${i} of ${settings.steps}: ${times.join(", ")}`);
  }
  return {
    adapter: await adapterName(),
    timings: entrants.map(({ contestant: { name }, ...times }) => ({ name, ...times })),
  };
}

/** Times of contestants that compute different things mean nothing. */
function checkAgreement(
  entrants: readonly { readonly name: string; readonly losses: readonly number[] }[],
): void {
  const [first, ...others] = entrants;
  for (const { name, losses } of others) {
    losses.forEach((loss, i) => {
      const expected = first!.losses[i]!;
      if (!(Math.abs(loss - expected) <= TOLERANCE * Math.abs(expected))) {
        throw new Error(
          `${name} and ${first!.name} disagree on the loss of step ${i + 1}: ${loss} and ${expected}; ` +
            `allowed is ${TOLERANCE} relative`,
        );
      }
    });
  }
}

async function adapterName(): Promise<string> {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const { vendor = "", architecture = "", device = "", description = "" } = adapter?.info ?? {};
  return [...new Set([vendor, architecture, device, description])].filter((text) => text !== "").join(" ");
}

Object.assign(globalThis, { bench });
