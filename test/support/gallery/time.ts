/** Times the passes of networks that launch a kernel, as the bench does. */
import type { Gpu } from "webgraft";
import type { Timed } from "../../../demo/docs/page/gallery-events.ts";
import { type KernelCase, kernelCases, sourcesOf } from "../../bench/page/kernel-cases.ts";
import { Launcher } from "../../bench/page/launcher.ts";
import { Stopwatch } from "../../bench/page/stopwatch.ts";
import { fileOf } from "./check.ts";

/** Shapes that are timed, those with the most work. */
const MOST = 3;

const SAMPLING = { samples: 7, minMs: 20 };

/** Passes of ResNets, in shapes that the adapter can do in seconds, that launch a kernel of the file. */
export function passesWith(file: string, { capabilities, graphOptions }: Gpu): readonly KernelCase[] {
  const options = { mode: "train", ...graphOptions } as const;
  return kernelCases(sourcesOf("quick", capabilities.software === true), options)
    .filter(({ program }) => program(options).measured.some(({ kernel }) => fileOf(kernel) === file))
    .sort((a, b) => (b.flops ?? b.bytes) - (a.flops ?? a.bytes))
    .slice(0, MOST);
}

export async function timePass(gpu: Gpu, given: KernelCase): Promise<Timed> {
  const { program, measured } = given.program({ mode: "train", ...gpu.graphOptions });
  const launcher = await Launcher.create(gpu, program);
  try {
    const encoder = gpu.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    launcher.encode(pass, program.dispatches);
    pass.end();
    gpu.device.queue.submit([encoder.finish()]);
    const time = await new Stopwatch(gpu.device).measure(
      (again) => launcher.encode(again, measured),
      SAMPLING,
    );
    gpu.check();
    const { name, shape, networks, flops, bytes } = given;
    return {
      ...{ pass: name, shape, networks, launches: measured.map(({ kernel }) => kernel.name), ...time },
      // A GFLOP/s, or a GB/s, is a million a millisecond.
      ...(flops !== undefined && { gflops: flops / time.medianMs / 1e6 }),
      gbps: bytes / time.medianMs / 1e6,
    };
  } finally {
    launcher.destroy();
  }
}
