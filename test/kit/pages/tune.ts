/** Measures the variants of the kernels of whole networks. */
import { matrixUnits, openDevice, tune } from "webgraft";
import type { TuningTable } from "../../../src/gpu/tuning.ts";
import { sourcesOf } from "../../bench/page/kernel-cases.ts";
import { offer } from "../../bench/page/offer.ts";

export interface TuneSettings {
  /** Names of networks of the bench's kernels. */
  readonly networks: readonly string[];
  /** Whether the adapter is emulated, so that small batches are work enough. */
  readonly few: boolean;
}

export interface TuneResult {
  readonly adapter: string;
  readonly table: TuningTable;
}

/** How many variants may take the device down before this gives up. */
const LIVES = 10;

offer(async ({ networks, few }: TuneSettings, progress): Promise<TuneResult> => {
  const sources = sourcesOf("all", few);
  const unknown = networks.filter((name) => !sources.some((source) => source.name === name));
  if (unknown.length > 0) {
    throw new Error(`tune: takes ${sources.map(({ name }) => name).join(", ")} — got ${unknown.join(", ")}`);
  }
  let table: TuningTable | undefined;
  // Kept here: a device that is lost takes its measurements with it.
  const store = {
    read: async () => table,
    write: async (_device: string, written: TuningTable) => {
      table = written;
    },
  };
  for (let life = 1; ; life++) {
    const gpu = await openDevice({ matrixUnits });
    if (table) gpu.tuning.import(table);
    try {
      for (const { name, model, batch } of sources.filter(({ name }) => networks.includes(name))) {
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
