import type { Gpu } from "../../gpu/device.ts";
import { taskKey } from "../../gpu/tuning.ts";
import type { GraphOptions } from "../../graph/graph.ts";

/** Measured choices, by task; the heuristics choose for all other tasks. */
export type Kernels = Readonly<Record<string, string>>;

/** Options for graphs whose kernels are these, whatever is measured later. */
export const graphOptionsWith = (
  { graphOptions, capabilities }: Gpu,
  kernels: Kernels,
): Pick<GraphOptions, "device" | "maxBindingBytes"> => ({
  ...graphOptions,
  device: { ...capabilities, tuned: (task) => kernels[taskKey(task)] },
});
