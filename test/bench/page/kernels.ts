import { type Gpu, tune } from "webgraft";
import type { Ceiling, KernelResult } from "../report.ts";
import { type KernelCase, kernelCases, type Source, sourcesOf } from "./kernel-cases.ts";
import { Launcher } from "./launcher.ts";
import type { Progress } from "./offer.ts";
import { type Sampling, Stopwatch } from "./stopwatch.ts";

export interface KernelSettings {
  readonly shapes: "quick" | "all";
  /** Only cases whose name and shape contain this. */
  readonly match: string;
  /** Whether the library measures its variants first. */
  readonly tuned: boolean;
  readonly sampling: Sampling;
}

/** Below this rate of outer products, in GFLOPS, an adapter counts as emulated. */
const EMULATED = 300;

/** Times the kernels of a training step and compares them with the ceilings. */
export async function measureKernels(
  gpu: Gpu,
  ceilings: readonly Ceiling[],
  { shapes, match, tuned, sampling }: KernelSettings,
  progress: Progress,
): Promise<KernelResult[]> {
  const arithmetic = best(ceilings, "outer product");
  const memory = best(ceilings, "copy");
  const sources = sourcesOf(shapes, arithmetic.value < EMULATED);
  if (tuned) await tuneFor(gpu, sources, progress);
  const options = { mode: "train", ...gpu.graphOptions } as const;
  const cases = kernelCases(sources, options).filter(({ name, shape }) => `${name} ${shape}`.includes(match));
  const stopwatch = new Stopwatch(gpu.device);
  const results: KernelResult[] = [];
  for (const [i, kernelCase] of cases.entries()) {
    progress({ done: i, total: cases.length, text: `${kernelCase.name} ${kernelCase.shape}` });
    const { launches, time } = await run(gpu, stopwatch, kernelCase, options, sampling);
    const { name, shape, networks, flops, bytes } = kernelCase;
    // 1 GFLOPS or GB/s is a million per millisecond.
    const floors = [
      { ceiling: arithmetic.name, ms: (flops ?? 0) / arithmetic.value / 1e6 },
      { ceiling: memory.name, ms: bytes / memory.value / 1e6 },
    ];
    const floor = floors[0]!.ms > floors[1]!.ms ? floors[0]! : floors[1]!;
    results.push({
      ...{ name, shape, networks, launches, ...time },
      ...(flops === undefined
        ? { gbps: bytes / time.medianMs / 1e6 }
        : { gflops: flops / time.medianMs / 1e6 }),
      shareOfCeiling: floor.ms / time.medianMs,
      ceiling: floor.ceiling,
    });
  }
  return results;
}

async function tuneFor(gpu: Gpu, sources: readonly Source[], progress: Progress): Promise<void> {
  for (const { name, model, batch } of sources) {
    await tune(gpu, model(), {
      batchSize: batch,
      onProgress: ({ done, total, task, variant }) =>
        progress({ done, total, text: `tuning ${name}: ${task}, ${variant}` }),
    });
  }
}

async function run(
  gpu: Gpu,
  stopwatch: Stopwatch,
  { program: build }: KernelCase,
  options: Parameters<KernelCase["program"]>[0],
  sampling: Sampling,
) {
  const { program, measured } = build(options);
  const launcher = await Launcher.create(gpu, program);
  try {
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    launcher.encode(pass, program.dispatches);
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    const time = await stopwatch.measure((repeated) => launcher.encode(repeated, measured), sampling);
    gpu.check();
    return { time, launches: measured.map(({ kernel }) => kernel.name) };
  } finally {
    launcher.destroy();
  }
}

/** The highest of the ceilings whose names begin with `name`. */
function best(ceilings: readonly Ceiling[], name: string): Ceiling {
  const candidates = ceilings.filter((ceiling) => ceiling.name.startsWith(name));
  return candidates.reduce((a, b) => (a.value > b.value ? a : b));
}
