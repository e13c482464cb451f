import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { RunLog } from "../../../demo/runs/run-log.ts";
import { defaultSettings } from "../../../demo/runs/settings.ts";

beforeAll(() => vi.stubGlobal("navigator", { userAgent: "none" }));
afterAll(() => vi.unstubAllGlobals());

const layer = {
  label: "conv1",
  kind: "convolution",
  residual: false,
  projection: false,
  height: 28,
  channels: 8,
} as const;

/** The record of one seed of so many steps. */
function race(totalSteps: number): RunLog {
  const log = RunLog.begin(defaultSettings);
  const lanes = [{ kind: "plain", parameters: 1, layers: [layer], shortcuts: [] } as const];
  log.apply({ type: "open", lanes, memory: { lanes: [], bytes: 0 }, classes: [], sampleImages: 0 });
  log.apply({ type: "seed", seed: 1, index: 0, seeds: 1, totalSteps });
  for (let step = 1; step <= totalSteps; step++) {
    const told = { step, loss: 1 / step, accuracy: 0, learningRate: 1e-3, examples: 32 };
    log.apply({
      ...{ type: "step", seed: 1, step, totalSteps, epoch: 1, milliseconds: 1 },
      lanes: [{ ...told, gradientNorms: { "conv1.weight": step } }],
    });
  }
  return log;
}

describe("the record of a race", () => {
  it("keeps the gradients of every step of a short one", () => {
    const { steps } = race(128).current!;
    expect(steps.map(({ gradients }) => gradients)).toEqual(steps.map(({ step }) => [[step]]));
  });

  it("keeps those of at most 256 steps of a long one, and all losses", () => {
    const { steps } = race(1000).current!;
    expect(steps.length).toBe(1000);
    const kept = steps.filter(({ gradients }) => gradients.length > 0).map(({ step }) => step);
    expect(kept).toEqual(Array.from({ length: 250 }, (_, i) => 1 + 4 * i));
  });

  it("forgets what came after the step that a race is restored to", () => {
    const log = race(10);
    log.apply({ type: "restored", seed: 1, step: 7 });
    expect(log.current!.steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    log.apply({ type: "restored", seed: 1, step: 0 });
    expect(log.record.seeds).toEqual([]);
  });
});
