import { sgd as sgd_kernel, sgd_without_momentum } from "../kernel/shaders.gen.ts";
import {
  checkOptions,
  commonChecks,
  emitUpdate,
  type Optimizer,
  type OptimizerOptions,
} from "./optimizer.ts";

/** Options of `sgd`. */
export interface SgdOptions extends OptimizerOptions {
  readonly lr: number;
  /** Default 0, no momentum. */
  readonly momentum?: number;
  /** Share of the gradient that does not enter the momentum, from the second step on. Default 0. */
  readonly dampening?: number;
  /** Nesterov momentum; needs momentum and no dampening. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent with the semantics of torch.optim.SGD: weight decay is added to the gradient.
 * Throws ShapeError for options out of range. Sutskever et al. 2013.
 */
export function sgd(options: SgdOptions): Optimizer {
  const { lr, momentum = 0, dampening = 0, nesterov = false } = options;
  checkOptions("sgd", {
    ...commonChecks(lr, options),
    "momentum must be in [0, 1)": [momentum, momentum >= 0 && momentum < 1],
    "dampening must be in [0, 1]": [dampening, dampening >= 0 && dampening <= 1],
    "nesterov needs momentum": [momentum, !nesterov || momentum > 0],
    "nesterov allows no dampening": [dampening, !nesterov || dampening === 0],
  });
  return {
    name: "sgd",
    learningRate: lr,
    standard: () => sgd({ lr: 0.1, momentum: momentum > 0 ? 0.9 : 0 }),
    emit: (graph, backward) =>
      momentum === 0
        ? emitUpdate(graph, backward, "sgd", options, [], (emit, { bindings, constants, workgroups }) => {
            emit.dispatch(sgd_without_momentum, bindings, constants, workgroups(sgd_without_momentum));
          })
        : emitUpdate(graph, backward, "sgd", options, ["momentum"], (emit, arena) => {
            emit.dispatch(
              sgd_kernel,
              { ...arena.bindings, ...arena.moments },
              { ...arena.constants, MOMENTUM: momentum, DAMPENING: dampening, NESTEROV: Number(nesterov) },
              arena.workgroups(sgd_kernel),
            );
          }),
  };
}
