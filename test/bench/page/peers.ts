/** The page that times contestants: makes them, checks that they agree, and times them in turns. */

import { openDevice, tune } from "webgraft";
import { CASES, type Case } from "../cases.ts";
import type { ContestantResult, PeerResult } from "../report.ts";
import { spread } from "../statistics.ts";
import type { Contestant, MakeContestant, Problem } from "./contestant.ts";
import { knownDevices, peakBytes } from "./memory.ts";
import { offer, type Progress } from "./offer.ts";
import { makeProblem } from "./problem.ts";

export interface PeersSettings {
  /** Key of `CASES`. */
  readonly name: string;
  /** `webgraft` and names of files in peers/. */
  readonly contestants: readonly string[];
  /** Runs before the timing, whose results are compared. */
  readonly warmUps: number;
  /** Timed runs of each contestant after those. */
  readonly steps: number;
  /** A contestant that has been timed for this long, and at least `FEWEST` times, is done. */
  readonly budgetMs: number;
  /** Whether the library measures its variants first. */
  readonly tuned: boolean;
}

export interface PeersResult {
  readonly adapter: string;
  readonly peer: PeerResult;
}

interface Entrant {
  readonly key: string;
  readonly contestant: Contestant;
  readonly devices: readonly GPUDevice[];
  readonly firstMs: number;
  readonly results: Float32Array[];
  readonly times: number[];
}

const FEWEST = 3;
/** Allowed relative difference: some f32 rounding, far less than any mistake causes. */
const TOLERANCE = { training: 1e-4, inference: 1e-3 } as const;

offer(async (settings: PeersSettings, progress): Promise<PeersResult> => {
  const { name, contestants, warmUps, steps, budgetMs, tuned } = settings;
  const { [name]: definition } = CASES;
  const { network, task, batch } = definition!;
  const problem = makeProblem(definition!);
  if (tuned) await tuneFor(problem, progress);
  const entrants: Entrant[] = [];
  for (const [i, key] of contestants.entries()) {
    progress({ done: i, total: contestants.length, text: `${name}: first runs of ${key}` });
    entrants.push(await enter(key, problem, warmUps));
  }
  checkAgreement(entrants, definition!);
  await takeTurns(entrants, steps, budgetMs, name, progress);
  const results = entrants.map(({ key, contestant, devices, firstMs, times }): [string, ContestantResult] => [
    key,
    {
      name: contestant.name,
      firstMs,
      gpuBytes: peakBytes(devices),
      ...(times.length > 0 && { ...spread(times), samples: times.length }),
    },
  ]);
  const { adapter } = await openDevice();
  return { adapter, peer: { name, network, batch, task, contestants: Object.fromEntries(results) } };
});

/** Tunes the library, which stores the measurements in the browser, where its contestant finds them. */
async function tuneFor({ model, batch }: Problem, progress: Progress): Promise<void> {
  const gpu = await openDevice();
  await tune(gpu, model, {
    batchSize: batch,
    onProgress: ({ done, total, task, variant }) =>
      progress({ done, total, text: `tuning: ${task}, ${variant}` }),
  });
  gpu.destroy();
}

async function enter(key: string, problem: Problem, runs: number): Promise<Entrant> {
  const module = key === "webgraft" ? import("./webgraft.ts") : import(`../peers/${key}.ts`);
  const { default: make } = (await module) as { default: MakeContestant };
  const before = knownDevices();
  const start = performance.now();
  const contestant = await make(problem);
  const results = [await contestant.run()];
  const firstMs = performance.now() - start;
  while (results.length < runs) results.push(await contestant.run());
  const devices = [...knownDevices()].filter((device) => !before.has(device));
  return { key, contestant, devices, firstMs, results, times: [] };
}

/** Throws if contestants compute different things, which would make their times meaningless. */
function checkAgreement([first, ...others]: readonly Entrant[], { task }: Case): void {
  for (const { contestant, results } of others) {
    for (const [i, values] of results.entries()) {
      const expected = first!.results[i]!;
      const scale = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
      const wrong = values.findIndex(
        (value, j) => !(Math.abs(value - expected[j]!) <= TOLERANCE[task] * scale),
      );
      if (wrong < 0 && values.length === expected.length) continue;
      throw new Error(
        `${contestant.name} and ${first!.contestant.name} disagree in run ${i + 1}: ${values[wrong]} and ` +
          `${expected[wrong]}, with a tolerance of ${TOLERANCE[task]} times ${scale}`,
      );
    }
  }
}

/** Times contestants in turns, run by run, so that whatever slows the machine for a while slows all of them. */
async function takeTurns(
  entrants: readonly Entrant[],
  steps: number,
  budgetMs: number,
  name: string,
  progress: Progress,
): Promise<void> {
  const rests = ({ times }: Entrant): boolean =>
    times.length >= FEWEST && times.reduce((sum, time) => sum + time, 0) > budgetMs;
  for (let i = 0; i < steps; i++) {
    for (const entrant of entrants) {
      if (rests(entrant)) continue;
      progress({ done: i, total: steps, text: `${name}: ${entrant.contestant.name}` });
      const start = performance.now();
      await entrant.contestant.run();
      entrant.times.push(performance.now() - start);
    }
  }
}
