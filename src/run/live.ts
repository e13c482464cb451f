import { packStruct } from "../kernel/args.ts";
import { Live as layout } from "../kernel/constants.gen.ts";

/** Scalars that change from step to step; see `shaders/lib/core/live.wgsl`. */
export interface Live {
  /** 1 for the first optimizer step. */
  readonly step: number;
  readonly seed: number;
  readonly learningRate: number;
  /** Index in the batch of a micro-batch's first example. Default 0. */
  readonly first?: number;
  /** Share of a micro-batch in the loss of the batch; its gradients are multiplied by it. Default 1. */
  readonly share?: number;
}

/** Size in bytes of a buffer of live scalars: the layout's, without which a bundle may do. */
export const LIVE_BYTES = 20 satisfies typeof layout.size;

/** Writes live scalars in the layout that kernels read. */
export function packLive({ step, seed, learningRate, first = 0, share = 1 }: Live, view: DataView): void {
  packStruct(layout, { step, seed, learning_rate: learningRate, first, share }, view);
}
