import type { TuningStore, TuningTable } from "../../../src/gpu/tuning.ts";
import type { Task } from "../../../src/kernel/capabilities.ts";

/** A convolution that is quick to measure. */
export const smallTask = (pass: Task["pass"]): Task => ({
  pass,
  geometry: {
    ...{ N: 2, H: 6, W: 6, C: 5, K: 7, R: 3, S: 3, P: 4, Q: 4, STRIDE_H: 1, STRIDE_W: 1 },
    ...{ DILATION_H: 1, DILATION_W: 1, PAD_TOP: 0, PAD_LEFT: 0 },
  },
});

/** Keeps tables as text, as a file would; `onWrite` sees each. */
export function memoryStore(onWrite: (table: TuningTable) => void = () => {}): TuningStore {
  const tables = new Map<string, string>();
  return {
    read: async (device) => JSON.parse(tables.get(device) ?? "null") ?? undefined,
    async write(device, table) {
      tables.set(device, JSON.stringify(table));
      onWrite(table);
    },
  };
}
