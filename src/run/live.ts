import { packStruct } from "../kernel/args.ts";
import { Live as layout } from "../kernel/constants.gen.ts";

/** What changes from step to step; `shaders/lib/core/live.wgsl`. */
export interface Live {
  /** 1 for the first optimizer step. */
  readonly step: number;
  readonly seed: number;
  readonly learningRate: number;
  /** Of a micro-batch: the place of its first example in the batch. Default 0. */
  readonly first?: number;
  /** Of a micro-batch: its share in the loss of the batch, which its gradients are multiplied by. Default 1. */
  readonly share?: number;
}

/** Bytes of a buffer of live scalars. */
export const LIVE_BYTES = layout.size;

/** Writes live scalars as kernels read them. */
export function packLive({ step, seed, learningRate, first = 0, share = 1 }: Live, view: DataView): void {
  packStruct(layout, { step, seed, learning_rate: learningRate, first, share }, view);
}
