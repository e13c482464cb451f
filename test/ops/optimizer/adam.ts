import { adam as adamOptimizer, adamw as adamwOptimizer } from "../../../src/optimizers/index.ts";
import type { OptimizerDeclaration } from "../../support/op/update.ts";
import { adamReference } from "../../support/reference/optimizers.ts";

export const adam: OptimizerDeclaration = {
  cases: [
    {
      name: "corrects the bias of its first steps",
      optimizer: adamOptimizer({ lr: 0.01 }),
      reference: () => ({ step: adamReference({ decoupled: false }) }),
    },
    {
      name: "adds weight decay to the gradient, and tells norms of updates",
      optimizer: adamOptimizer({
        ...{ lr: 0.01, betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.1, decayAll: true },
        updateRatios: true,
      }),
      reference: () => ({
        step: adamReference({ betas: [0.8, 0.95], eps: 1e-3, weightDecay: 0.1, decoupled: false }),
      }),
    },
    {
      name: "takes β of 0",
      optimizer: adamOptimizer({ lr: 0.01, betas: [0, 0], eps: 1e-2 }),
      reference: () => ({ step: adamReference({ betas: [0, 0], eps: 1e-2, decoupled: false }) }),
    },
    {
      name: "decoupled, shrinks what decays, clipped, by groups, and tells norms of updates",
      optimizer: adamwOptimizer({
        ...{ lr: 0.01, weightDecay: 0.5, clipNorm: 2, updateRatios: true },
        groups: [{ match: "front.*", lrScale: 0.1 }],
      }),
      reference: (name) => ({
        step: adamReference({ weightDecay: name.endsWith("bias") ? 0 : 0.5, decoupled: true }),
        lrScale: name.startsWith("front") ? 0.1 : 1,
      }),
      clip: (norm) => Math.min(1, 2 / (norm + 1e-6)),
    },
  ],
  // Parameters and two moments, each read and written, and gradients.
  timed: { optimizer: adamwOptimizer({ lr: 1e-3 }), streams: 7 },
};
