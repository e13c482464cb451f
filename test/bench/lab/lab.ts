/** `npm run gpu:lab`: see README.md. */
import { CommanderError } from "commander";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import { ProgressLine } from "../progress.ts";
import type { Compiled } from "./compiled.ts";
import { type FigureFile, keep, keptFigures, worse } from "./figures.ts";
import { vendorOf } from "./gpus.ts";
import { isFor, isPlain, isShared, kernelsNamed } from "./kernels.ts";
import { compile } from "./mesa/compile.ts";
import { prepareDrivers } from "./mesa/drivers.ts";
import { compileTranslation, prepareNvidia } from "./nvidia/nvidia.ts";
import { type Options, parseOptions } from "./options.ts";
import { type Report, report, save, sharedReadsReport } from "./report.ts";

/** Compiles for a GPU; says what takes long, and each kernel as its turn comes. */
async function compileFor(
  gpu: string,
  kernels: readonly Kernel[],
  options: Options,
  onWork: (what: string) => void,
  onKernel: (name: string) => void,
): Promise<Compiled> {
  const vendor = vendorOf(gpu);
  if (vendor === "nvidia") return compileTranslation(gpu, kernels, onKernel, prepareNvidia(onWork));
  const drivers = prepareDrivers(vendor, options.drivers, onWork);
  return compile(gpu, vendor, kernels, options, drivers, onKernel);
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  if (options.keep && (options.half || options.subgroupSize)) {
    throw new Error(
      "--keep is for figures of kernels as they are launched, without --half and --subgroup-size",
    );
  }
  const named = kernelsNamed(options.kernels);
  const kernelsFor = options.gpu.map((gpu) => named.filter((kernel) => isFor(kernel, gpu)));
  const progress = new ProgressLine();
  const total = kernelsFor.flat().length;
  let versions = {};
  const reports = new Map<string, Report>();
  try {
    let done = 0;
    for (const [i, gpu] of options.gpu.entries()) {
      const kernels = kernelsFor[i]!;
      const compiled = await compileFor(
        gpu,
        kernels,
        options,
        (text) => progress.show({ done, total, text }),
        (name) => progress.show({ done: done++, total, text: `${gpu}: ${name}` }),
      );
      if (options.save) save(options.save, gpu, compiled);
      versions = { ...versions, ...compiled.versions };
      reports.set(gpu, report(gpu, compiled, kernels));
    }
  } finally {
    progress.clear();
  }
  const shared = named.filter((kernel) => isPlain(kernel) && isShared(kernel));
  if (shared.length > 0) reports.set("nvidia", sharedReadsReport(shared));
  const figures = [...reports].map(([gpu, one]) => [gpu, one.figures]);
  const now: FigureFile = { versions, gpus: Object.fromEntries(figures) };

  const compilers = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  process.stdout.write(`${compilers.join(", ")}. Counts and estimates, not times.\n`);
  for (const [gpu, { table }] of reports) process.stdout.write(`\n## ${gpu}\n\n${table}\n`);
  const failures = [...reports.values()].flatMap((one) => one.failures);
  for (const failure of failures) process.stderr.write(`gpu:lab: ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
  if (options.check) check(now);
  if (options.keep && failures.length === 0) keep(now, options.kernels.length === 0);
}

function check(now: FigureFile): void {
  const kept = keptFigures();
  for (const [name, version] of Object.entries(now.versions)) {
    if (kept.versions[name] !== version) {
      process.stderr.write(
        `gpu:lab: kept are figures of ${name} ${kept.versions[name]}, these are of ${version}\n`,
      );
    }
  }
  const sentences = worse(now, kept);
  const result = sentences.length === 0 ? ["No figure is worse by more than 5 %."] : ["Worse:", ...sentences];
  process.stdout.write(`\n${result.join("\n")}\n`);
  if (sentences.length > 0) process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  // Commander has already printed its message.
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`gpu:lab: ${error instanceof Error ? error.message : error}\n`);
  }
  process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
});
