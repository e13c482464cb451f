import { sgd as sgdOptimizer } from "../../../src/optimizers/index.ts";
import type { OptimizerDeclaration } from "../../support/op/update.ts";
import { sgdReference } from "../../support/reference/optimizers.ts";

const groups = [
  { match: "big.*", lrScale: 0.5, weightDecay: 0.3 },
  { match: /^head/, lrScale: 0 },
  { match: (name: string) => name === "front.bias", lrScale: 2 },
];
const scales: Readonly<Record<string, number>> = { "big.weight": 0.5, "head.weight": 0, "front.bias": 2 };
const clip = (norm: number): number => Math.min(1, 1.5 / (norm + 1e-6));

export const sgd: OptimizerDeclaration = {
  cases: [
    {
      name: "steps against the gradient",
      optimizer: sgdOptimizer({ lr: 0.1 }),
      reference: () => ({ step: sgdReference({}) }),
    },
    {
      name: "follows a schedule, with momentum, over several arenas",
      optimizer: sgdOptimizer({ lr: 0.1, momentum: 0.9 }),
      reference: () => ({ step: sgdReference({ momentum: 0.9 }) }),
      schedule: (step) => 1 / step,
      maxBindingBytes: 40_000,
    },
    {
      name: "looks ahead by Nesterov's momentum, with weight decay",
      optimizer: sgdOptimizer({ lr: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1, decayAll: true }),
      reference: () => ({ step: sgdReference({ momentum: 0.9, nesterov: true, weightDecay: 0.1 }) }),
    },
    {
      name: "does not dampen its first step",
      optimizer: sgdOptimizer({ lr: 0.1, momentum: 0.8, dampening: 0.5 }),
      reference: () => ({ step: sgdReference({ momentum: 0.8, dampening: 0.5 }) }),
    },
    {
      name: "decays no biases, groups as they say, and tells norms of updates",
      optimizer: sgdOptimizer({ lr: 0.1, weightDecay: 0.1, groups, updateRatios: true }),
      reference: (name) => ({
        step: sgdReference({ weightDecay: name === "front.bias" ? 0 : name === "big.weight" ? 0.3 : 0.1 }),
        lrScale: scales[name] ?? 1,
      }),
    },
    ...(["f32", "mixed"] as const).map((precision) => ({
      name: `clips the global norm and tells norms, in ${precision}`,
      optimizer: sgdOptimizer({
        ...{ lr: 0.1, momentum: 0.9, clipNorm: 1.5, gradientNorms: true, updateRatios: true },
      }),
      reference: () => ({ step: sgdReference({ momentum: 0.9 }) }),
      ...{ clip, maxBindingBytes: 40_000, precision },
    })),
    {
      name: "leaves a small norm as it is",
      optimizer: sgdOptimizer({ lr: 0.1, clipNorm: 1e4 }),
      reference: () => ({ step: sgdReference({}) }),
      steps: 2,
    },
  ],
  // Parameters and momentum, each read and written, and gradients.
  timed: { optimizer: sgdOptimizer({ lr: 1e-3, momentum: 0.9 }), streams: 5 },
};
