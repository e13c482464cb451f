/** The references of the GPU tests, and the schedules, against what PyTorch gave (fixtures/pytorch.py). */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { oneCycle } from "../../../src/train/schedules.ts";
import { crossEntropy, crossEntropyGradient } from "../../support/reference/losses.ts";
import { adamReference, sgdReference } from "../../support/reference/optimizers.ts";

const pytorch = JSON.parse(
  readFileSync(new URL("../../support/fixtures/pytorch.json", import.meta.url), "utf8"),
);

function expectClose(actual: ArrayLike<number>, expected: readonly number[], digits = 9): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(actual[i], `element ${i}`).toBeCloseTo(value, digits);
  });
}

it("cross-entropy is PyTorch's", () => {
  const { logits, loss, gradient, ...given } = pytorch.crossEntropy;
  const all = { N: 7, K: 5, ...given };
  expect(crossEntropy(logits, all)[0]).toBeCloseTo(loss, 10);
  expectClose(crossEntropyGradient(logits, all), gradient);
});

for (const { kind, options, trajectory } of pytorch.optimizers) {
  it(`${kind} ${JSON.stringify(options)} is PyTorch's`, () => {
    const { momentum, dampening, nesterov, betas, eps, weight_decay: weightDecay } = options;
    const step =
      kind === "SGD"
        ? sgdReference({ momentum, dampening, nesterov, weightDecay })
        : adamReference({ betas, eps, weightDecay, decoupled: kind === "AdamW" });
    const p = Float64Array.from(pytorch.start as number[]);
    trajectory.forEach((expected: number[], i: number) => {
      step(p, Float64Array.from(pytorch.gradients[i]), 0.1);
      expectClose(p, expected);
    });
  });
}

for (const { options, rates } of pytorch.oneCycle) {
  it(`oneCycle ${JSON.stringify(options)} is PyTorch's`, () => {
    const {
      total_steps: steps,
      pct_start: pctStart = 0.3,
      div_factor: divFactor = 25,
      final_div_factor: finalDivFactor = 1e4,
    } = options;
    const schedule = oneCycle({ pctStart, divFactor, finalDivFactor });
    expectClose(
      rates.map((_: number, step: number) => schedule(step, steps)),
      rates,
    );
  });
}
