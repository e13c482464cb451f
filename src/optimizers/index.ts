import { adam, adamw } from "./adam.ts";
import type { Optimizer, OptimizerOptions } from "./optimizer.ts";
import { sgd } from "./sgd.ts";

export { type AdamOptions, adam, adamw } from "./adam.ts";
export { type Averages, ema } from "./averages.ts";
export type { GroupOptions, ParameterGroup } from "./groups.ts";
export { type Optimizer, type OptimizerOptions, type Update, withUpdate } from "./optimizer.ts";
export { type SgdOptions, sgd } from "./sgd.ts";

/** What an app needs to offer an optimizer by name. */
export interface OptimizerEntry {
  /** A peak learning rate that suits the topologies here. */
  readonly learningRate: number;
  /** The same for those that end in wide dense layers. */
  readonly wideHeadRate: number;
  /** The optimizer with the options that suit them, or those given. */
  create(lr: number, options?: OptimizerOptions): Optimizer;
}

/** Every optimizer by name, for apps that choose at run time; others import the one they want. */
export const optimizers = {
  sgd: {
    learningRate: 0.03,
    wideHeadRate: 0.003,
    create: (lr, options = {}) => sgd({ lr, momentum: 0.9, weightDecay: 5e-4, ...options }),
  },
  adam: { learningRate: 0.003, wideHeadRate: 0.0003, create: (lr, options = {}) => adam({ lr, ...options }) },
  adamw: {
    learningRate: 0.003,
    wideHeadRate: 0.0003,
    create: (lr, options = {}) => adamw({ lr, ...options }),
  },
} as const satisfies Record<string, OptimizerEntry>;

/** The name of an optimizer in `optimizers`. */
export type OptimizerName = keyof typeof optimizers;
