/** Measures the variants of the kernels of whole networks. */
import { openDevice, tune } from "webgraft";
import type { TuningTable } from "../../../src/gpu/tuning.ts";
import { sourcesOf } from "../../bench/page/kernel-cases.ts";
import { offer } from "../../bench/page/offer.ts";

export interface TuneSettings {
  readonly shapes: "quick" | "all";
  /** Whether the adapter is emulated, so that small batches are work enough. */
  readonly few: boolean;
}

export interface TuneResult {
  readonly adapter: string;
  readonly table: TuningTable;
}

/** How many variants may take the device down before this gives up. */
const LIVES = 10;

offer(async ({ shapes, few }: TuneSettings, progress): Promise<TuneResult> => {
  let table: TuningTable | undefined;
  // Kept here: a device that is lost takes its measurements with it.
  const store = {
    read: async () => table,
    write: async (_device: string, written: TuningTable) => {
      table = written;
    },
  };
  for (let life = 1; ; life++) {
    const gpu = await openDevice();
    if (table) gpu.tuning.import(table);
    try {
      for (const { name, model, batch } of sourcesOf(shapes, few)) {
        await tune(gpu, model(), {
          ...{ batchSize: batch, store },
          onProgress: ({ done, total, task, variant }) =>
            progress({ done, total, text: `${name}: ${task}, ${variant}` }),
        });
      }
      return { adapter: gpu.adapter, table: gpu.tuning.export() };
    } catch (error) {
      if (life === LIVES) throw error;
      gpu.destroy();
    }
  }
});
