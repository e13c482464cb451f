import type { Geometry } from "../../../src/base/window.ts";
import type { TuningStore, TuningTable } from "../../../src/gpu/tuning.ts";
import { CONV_FORWARD } from "../../../src/ops/conv/conv-forward.ts";
import { CONV_GRAD_INPUT, CONV_GRAD_WEIGHT } from "../../../src/ops/conv/conv-gradients.ts";
import { type MeasurableTask, taskOf } from "../../../src/ops/tunable.ts";

export const convPasses = ["forward", "grad_input", "grad_weight"] as const;

/** One pass of a convolution. */
export function convTask(
  pass: (typeof convPasses)[number],
  geometry: Geometry,
  dtype?: "f16",
): MeasurableTask {
  if (pass === "forward") return taskOf(CONV_FORWARD, geometry, dtype);
  return pass === "grad_input"
    ? taskOf(CONV_GRAD_INPUT, geometry, dtype)
    : taskOf(CONV_GRAD_WEIGHT, geometry, dtype);
}

/** A convolution that is quick to measure. */
export const smallTask = (pass: (typeof convPasses)[number], dtype?: "f16"): MeasurableTask =>
  convTask(
    pass,
    {
      ...{ N: 2, H: 6, W: 6, C: 5, K: 7, R: 3, S: 3, P: 4, Q: 4, STRIDE_H: 1, STRIDE_W: 1 },
      ...{ DILATION_H: 1, DILATION_W: 1, PAD_TOP: 0, PAD_LEFT: 0 },
    },
    dtype,
  );

/** Keeps tables as text, as a file would; `onWrite` is called with each. */
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
