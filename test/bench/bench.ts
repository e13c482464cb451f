/** `npm run bench`: see README.md. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, platform } from "node:os";
import { dirname, join } from "node:path";
import { CommanderError } from "commander";
import { VERSION } from "../../src/base/version.ts";
import { type Measured, measure } from "./measure.ts";
import { parseOptions } from "./options.ts";
import { drawReport } from "./picture.ts";
import { ProgressLine } from "./progress.ts";
import type { Report } from "./report.ts";
import { peerVersions } from "./site.ts";
import { asMarkdown, asText, insertResults, tablesOf } from "./tables.ts";

/** A software adapter shares the CPU with everything else, so other work makes the times useless. */
function warnOfLoad(load: number): void {
  if (load > availableParallelism() / 4)
    process.stderr.write(`the machine is busy (load ${load.toFixed(1)}): expect longer times\n`);
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args);
  const date = new Date().toISOString();
  const before = loadavg()[0]!;
  warnOfLoad(before);
  const progress = new ProgressLine();
  let measured: Measured;
  try {
    measured = await measure(options, progress.show);
  } finally {
    progress.clear();
  }
  const report: Report = {
    date,
    command: ["npm run bench", ...(args.length > 0 ? ["--", ...args] : [])].join(" "),
    versions: { webgraft: VERSION, node: process.version, ...peerVersions() },
    machine: {
      platform: platform(),
      cpu: cpus()[0]?.model ?? "unknown",
      cores: availableParallelism(),
      load: [before, loadavg()[0]!],
    },
    ...measured,
  };
  process.stdout.write(`${report.browser}\n\n${tablesOf(report).map(asText).join("\n\n")}\n`);
  const folder = options.out ?? join("runs", `bench-${date.slice(0, 19).replaceAll(":", "-")}`);
  const json = options.json ?? join(folder, "bench.json");
  const picture = join(folder, "bench.svg");
  write(json, `${JSON.stringify(report, null, 2)}\n`);
  write(picture, drawReport(report));
  process.stdout.write(`\nwritten: ${json}, ${picture}\n`);
  if (options.markdown) {
    const present = existsSync(options.markdown) ? readFileSync(options.markdown, "utf8") : "";
    write(options.markdown, insertResults(present, asMarkdown(report)));
  }
  for (const failure of report.failures) process.stderr.write(`bench: failed: ${failure}\n`);
  if (report.failures.length > 0) process.exitCode = 1;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  // Commander has already printed its message.
  if (!(error instanceof CommanderError)) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  }
  process.exitCode = error instanceof CommanderError ? error.exitCode : 1;
});
