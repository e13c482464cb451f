/** What run.sh starts: `tests`, `bench`, `tune` or `train`. See README.md. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import { launchEngine } from "../../src/cli/engine/engine.ts";
import type { Metrics } from "../../src/cli/output/run-log.ts";
import type { Report } from "../bench/report.ts";
import { asMarkdown, markdownTable, number } from "../bench/tables.ts";
import { app, KIT } from "./instead/resources.ts";
import { type Place, write } from "./place.ts";
import { runTests } from "./run-tests.ts";
import { timeTorch } from "./torch.ts";
import { tuneKernels } from "./tune.ts";

/** Of the bench, on GPUs: real batches. An emulated GPU would take hours. */
const BENCH = "ceilings kernels host interleaved-32 interleaved-1024 resnet18-224 resnet50-224".split(" ");
const BENCH_EMULATED = "ceilings kernels host interleaved-32".split(" ");

const commands: Readonly<Record<string, (place: Place, args: string[]) => Promise<boolean>>> = {
  tests: runTests,
  tune: tuneKernels,
  bench,
  train,
};

/** Measures as `npm run bench` does; `--vs-torch` times PyTorch beside it. */
async function bench({ folder, gpu }: Place, args: string[]): Promise<boolean> {
  const only = args.includes("--only") ? [] : ["--only", ...(gpu === "software" ? BENCH_EMULATED : BENCH)];
  // A GPU takes no time for more samples.
  const steps = args.includes("--steps") || gpu === "software" ? [] : ["--steps", "15"];
  const given = args.filter((arg) => arg !== "--vs-torch");
  const ran = runScript("bench.js", ["--engine", "node", ...only, ...steps, ...given, "--out", folder]);
  const file = join(folder, "bench.json");
  if (!existsSync(file)) return false;
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  const torch = args.includes("--vs-torch") ? timeTorch(folder, report) : [];
  write(folder, "bench.md", [asMarkdown(report), ...torch.map(markdownTable)].join("\n\n"));
  return ran;
}

/** Trains as `npm run train` does. */
async function train({ folder, description }: Place, args: string[]): Promise<boolean> {
  const ran = runScript("train.js", ["--engine", "node", ...args, "--out", folder]);
  if (!ran) return false;
  const { settings, testAccuracy, medianStepMs, steps } = JSON.parse(
    readFileSync(join(folder, "metrics.json"), "utf8"),
  ) as Metrics;
  const rows = [
    ["network", settings.topology],
    ["batch", `${settings.batch}`],
    ["steps", `${steps.length}`],
    ["median step", `${number(medianStepMs)} ms`],
    ["test accuracy", testAccuracy === undefined ? "" : `${number(100 * testAccuracy)} %`],
  ];
  const table = markdownTable({ title: "Training", header: ["what", "value"], rows, words: 1 });
  write(folder, "train.md", `${description}\n\n${table}`);
  return true;
}

function runScript(name: string, args: readonly string[]): boolean {
  process.on("SIGINT", () => {}); // Ctrl-C reaches the script too, which ends in order.
  return spawnSync(process.execPath, [app(name), ...args], { stdio: "inherit" }).status === 0;
}

async function main([name = "", ...args]: readonly string[]): Promise<number> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    process.stderr.write(`usage: ./run.sh ${Object.keys(commands).join("|")} [options]; see README.md\n`);
    return 2;
  }
  const { gpu, description, close } = await launchEngine("node");
  await close();
  const cpu = `${cpus()[0]?.model ?? "unknown CPU"}, ${availableParallelism()} cores`;
  process.stdout.write(`${description}; ${cpu}\n`);
  const time = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
  const folder = join(KIT, "results", `${time}-${name}`);
  mkdirSync(folder, { recursive: true });
  const passed = await command({ folder, gpu, description: `${description}; ${cpu}` }, args);
  process.stdout.write(`written: ${folder}\n`);
  return passed ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`kit: ${error.message}\n`);
    process.exit(1);
  },
);
