/** The page that measures the adapter and the library's kernels on it. */
import { openDevice } from "webgraft";
import type { Ceiling, KernelResult } from "../report.ts";
import { experiments } from "./ceilings.ts";
import { dispatchCost, runExperiment } from "./experiment.ts";
import { type KernelSettings, measureKernels } from "./kernels.ts";
import { offer, type Progress } from "./offer.ts";
import { type Sampling, Stopwatch } from "./stopwatch.ts";

export interface DeviceSettings {
  readonly sampling: Sampling;
  /** Nothing to measure ceilings only; kernels are compared with them. */
  readonly kernels?: KernelSettings;
}

export interface DeviceResult {
  readonly adapter: string;
  readonly ceilings: readonly Ceiling[];
  readonly kernels?: readonly KernelResult[];
}

offer(async ({ sampling, kernels }: DeviceSettings, progress): Promise<DeviceResult> => {
  const gpu = await openDevice();
  const ceilings = await measureCeilings(gpu.device, sampling, progress);
  if (!kernels) return { adapter: gpu.adapter, ceilings };
  return { adapter: gpu.adapter, ceilings, kernels: await measureKernels(gpu, ceilings, kernels, progress) };
});

async function measureCeilings(
  device: GPUDevice,
  sampling: Sampling,
  progress: Progress,
): Promise<Ceiling[]> {
  const stopwatch = new Stopwatch(device);
  const ceilings: Ceiling[] = [];
  for (const [i, make] of experiments.entries()) {
    const experiment = make();
    progress({ done: i, total: experiments.length + 1, text: `ceiling: ${experiment.name}` });
    ceilings.push(await runExperiment(device, stopwatch, experiment, sampling));
  }
  ceilings.push(await dispatchCost(device, sampling));
  return ceilings;
}
