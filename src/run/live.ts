import { packStruct } from "../kernel.ts";
import { Live as layout } from "../structs.gen.ts";

/** What changes from step to step; `shaders/lib/live.wgsl`. */
export interface Live {
  /** 1 for the first optimizer step. */
  readonly step: number;
  readonly seed: number;
  readonly learningRate: number;
}

/** Bytes of a buffer of live scalars. */
export const LIVE_BYTES = layout.size;

/** Writes live scalars as kernels read them. */
export function packLive({ step, seed, learningRate }: Live, view: DataView): void {
  packStruct(layout, { step, seed, learning_rate: learningRate }, view);
}
