import { adam as adam_kernel } from "../kernel/shaders.gen.ts";
import {
  checkOptions,
  commonChecks,
  emitUpdate,
  type Optimizer,
  type OptimizerOptions,
} from "./optimizer.ts";

/** Options of `adam` and `adamw`. */
export interface AdamOptions extends OptimizerOptions {
  readonly lr: number;
  /** Decay rates of the running means of the gradient and of its square. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** Default 1e-8. */
  readonly eps?: number;
}

/**
 * Adam with the semantics of torch.optim.Adam: weight decay, 0 by default, is added to the gradient. Throws
 * ShapeError for options out of range. Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015.
 */
export const adam = (options: AdamOptions): Optimizer => build("adam", options);

/**
 * AdamW with the semantics of torch.optim.AdamW: weight decay, 0.01 by default, shrinks the parameter itself.
 * Throws ShapeError for options out of range. Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
 */
export const adamw = (options: AdamOptions): Optimizer => build("adamw", { weightDecay: 0.01, ...options });

function build(name: "adam" | "adamw", options: AdamOptions): Optimizer {
  const { lr, betas = [0.9, 0.999], eps = 1e-8 } = options;
  const [beta1, beta2] = betas;
  checkOptions(name, {
    ...commonChecks(lr, options),
    "the first of betas must be in [0, 1)": [beta1, beta1 >= 0 && beta1 < 1],
    "the second of betas must be in [0, 1)": [beta2, beta2 >= 0 && beta2 < 1],
    "eps must be positive": [eps, eps > 0],
  });
  const constants = {
    BETA1: beta1,
    BETA2: beta2,
    ONE_MINUS_BETA1: 1 - beta1,
    ONE_MINUS_BETA2: 1 - beta2,
    // Finite even for β = 0; exp(−100) is 0 in f32.
    LOG_BETA1: Math.max(Math.log(beta1), -100),
    LOG_BETA2: Math.max(Math.log(beta2), -100),
    EPSILON: eps,
    DECOUPLED: Number(name === "adamw"),
  };
  return {
    name,
    learningRate: lr,
    standard: () => adamw({ lr: 0.1 }),
    emit: (graph, backward) =>
      emitUpdate(graph, backward, name, options, ["first", "second"], (emit, arena) => {
        emit.dispatch(
          adam_kernel,
          { ...arena.bindings, ...arena.moments },
          { ...arena.constants, ...constants },
          arena.workgroups(adam_kernel),
        );
      }),
  };
}
