import { describe, expect, it } from "vitest";
import { constant, cosine, oneCycle, type Schedule, stepDecay } from "../../../src/train/schedules.ts";

const over = (schedule: Schedule, steps: number) =>
  Array.from({ length: steps }, (_, step) => schedule(step, steps));

function expectRates(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  actual.forEach((rate, step) => {
    expect(rate, `step ${step}`).toBeCloseTo(expected[step]!, 7);
  });
}

describe("schedules", () => {
  it("constant stays", () => expectRates(over(constant(), 3), [1, 1, 1]));

  it("stepDecay falls at shares of the run", () => {
    expectRates(over(stepDecay(), 8), [1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01]);
    expectRates(over(stepDecay({ at: [0.25], gamma: 0.5 }), 4), [1, 0.5, 0.5, 0.5]);
  });

  it("cosine falls to its floor", () => {
    expectRates(over(cosine(), 4), [1, (2 + Math.SQRT2) / 4, 0.5, (2 - Math.SQRT2) / 4]);
    expect(cosine({ floor: 0.1 })(100, 100)).toBeCloseTo(0.1);
  });

  it("cosine warms up first", () => {
    expectRates(over(cosine({ warmup: 4 }), 6), [0.25, 0.5, 0.75, 1, 1, 0.5]);
    // All of the run is warm-up.
    expectRates(over(cosine({ warmup: 4 }), 2), [0.25, 0.5]);
  });

  it("oneCycle is torch's OneCycleLR", () => {
    // get_last_lr() of OneCycleLR(max_lr=1, total_steps=10), by its formula in f64.
    const fall = (progress: number) => 4e-6 + ((1 - 4e-6) * (1 + Math.cos(Math.PI * progress))) / 2;
    const down = [1, 2, 3, 4, 5, 6, 7].map((i) => fall(i / 7));
    expectRates(over(oneCycle(), 10), [0.04, 0.52, 1, ...down]);
    expect(oneCycle({ divFactor: 10, finalDivFactor: 100 })(9, 10)).toBeCloseTo(1e-3, 10);
  });

  it("every schedule is finite and not negative, for short and long runs", () => {
    for (const schedule of [
      constant(),
      stepDecay(),
      cosine({ warmup: 5 }),
      oneCycle(),
      oneCycle({ pctStart: 0 }),
      oneCycle({ pctStart: 1 }),
    ]) {
      for (const steps of [1, 2, 3, 10, 1000]) {
        for (const rate of over(schedule, steps)) expect(rate >= 0 && rate <= 1).toBe(true);
      }
    }
  });

  it("options out of range are refused", () => {
    expect(() => cosine({ floor: 2 })).toThrow("cosine: expects warmup of 0 or more steps, floor in [0, 1]");
    expect(() => oneCycle({ divFactor: 0 })).toThrow("oneCycle: expects");
    expect(() => stepDecay({ gamma: 0 })).toThrow("stepDecay: expects");
  });
});
