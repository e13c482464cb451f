/** The page that measures the adapter and the library's kernels on it. */
import { matrixUnits, openDevice } from "webgraft";
import type { Ceiling, HostResult, KernelResult } from "../report.ts";
import { experiments } from "./ceilings.ts";
import { dispatchCost, runExperiment } from "./experiment.ts";
import { measureHost } from "./host.ts";
import { type KernelSettings, measureKernels } from "./kernels.ts";
import { offer, type Progress } from "./offer.ts";
import { type Sampling, Stopwatch } from "./stopwatch.ts";

export interface DeviceSettings {
  readonly sampling: Sampling;
  /** Whether to measure the ceilings; kernels need them in any case. */
  readonly ceilings: boolean;
  readonly kernels: KernelSettings | undefined;
  readonly host: boolean;
}

export interface DeviceResult {
  readonly adapter: string;
  readonly ceilings?: readonly Ceiling[];
  readonly kernels?: readonly KernelResult[];
  readonly host?: HostResult;
}

offer(async (settings: DeviceSettings, progress): Promise<DeviceResult> => {
  const { sampling, kernels } = settings;
  const gpu = await openDevice({ matrixUnits });
  const ceilings =
    settings.ceilings || kernels ? await measureCeilings(gpu.device, sampling, progress) : undefined;
  return {
    adapter: gpu.adapter,
    ...(ceilings && { ceilings }),
    ...(ceilings && kernels && { kernels: await measureKernels(gpu, ceilings, kernels, progress) }),
    ...(settings.host && { host: await measureHost(gpu, HOST_STEPS, progress) }),
  };
});

/** The host's part of a step is short, but far noisier than kernels. */
const HOST_STEPS = 20;

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
