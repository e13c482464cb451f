/** `npm run gpu:lab`: see README.md. */
import { readFileSync } from "node:fs";
import { CommanderError } from "commander";
import { ProgressLine } from "../progress.ts";
import { compile } from "./compile.ts";
import { prepareDrivers } from "./drivers.ts";
import { type FigureFile, keep, keptFigures, worse } from "./figures.ts";
import { vendorOf } from "./gpus.ts";
import { jobOf, kernelsNamed, kernelsOn } from "./kernels.ts";
import { parseOptions } from "./options.ts";
import { type Report, report, save } from "./report.ts";

const WEBGPU = new URL("../../../node_modules/webgpu/package.json", import.meta.url);

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  const kernels = kernelsNamed(options.kernels);
  const progress = new ProgressLine();
  const total = options.gpu.reduce((sum, gpu) => sum + kernelsOn(gpu, kernels).length, 0);
  let done = 0;
  let mesa = "";
  const reports = new Map<string, Report>();
  try {
    const drivers = prepareDrivers(new Set(options.gpu.map(vendorOf)), options.drivers, (text) =>
      progress.show({ done, total, text }),
    );
    for (const gpu of options.gpu) {
      const those = kernelsOn(gpu, kernels);
      const jobs = those.map((kernel) => jobOf(kernel, options));
      const compiled = await compile(gpu, jobs, drivers, (name) => {
        progress.show({ done, total, text: `${gpu}: ${name}` });
        done++;
      });
      mesa = compiled.mesa;
      if (options.save) save(options.save, gpu, compiled);
      reports.set(gpu, report(gpu, compiled, those));
    }
  } finally {
    progress.clear();
  }
  const { version } = JSON.parse(readFileSync(WEBGPU, "utf8")) as { version: string };
  const now: FigureFile = {
    versions: { mesa, dawn: `webgpu ${version}` },
    gpus: Object.fromEntries([...reports].map(([gpu, { figures }]) => [gpu, figures])),
  };

  process.stdout.write(`Mesa ${mesa}, Dawn of ${now.versions.dawn}. Estimates by counting, not times.\n`);
  for (const [gpu, { table }] of reports) process.stdout.write(`\n## ${gpu}\n\n${table}\n`);
  const failures = [...reports.values()].flatMap((one) => one.failures);
  for (const failure of failures) process.stderr.write(`gpu:lab: ${failure}\n`);
  if (failures.length > 0) process.exitCode = 1;
  if (options.check) check(now);
  if (options.keep && failures.length === 0) keep(now, options.kernels.length === 0);
}

function check(now: FigureFile): void {
  const kept = keptFigures();
  for (const [name, version] of Object.entries(kept.versions)) {
    if (now.versions[name] !== version) {
      process.stderr.write(`the kept figures are of ${name} ${version}, these of ${now.versions[name]}\n`);
    }
  }
  const sentences = worse(now, kept);
  process.stdout.write(
    `\n${sentences.length === 0 ? "No figure is worse than kept by more than 5 %." : `Worse:\n${sentences.join("\n")}`}\n`,
  );
  if (sentences.length > 0) process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  // Commander has already printed its message.
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`gpu:lab: ${error instanceof Error ? error.message : error}\n`);
  }
  process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
});
