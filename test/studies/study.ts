/**
 * `npm run study -- --plan race`: what shortcuts are worth in depth. Each run becomes a line of JSON as soon as it ends;
 * those that are there are not run again. `--report` makes bands, table and figure of the lines. See README.md.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { VERSION } from "../../src/base/version.ts";
import type { BrowserEngine } from "../../src/cli/engine/engines.ts";
import { repository, runInPage } from "./browser.ts";
import { figure } from "./figure/figure.ts";
import { nameOf, type PlanName, plans } from "./plans.ts";
import { RECORD, readRecord } from "./record.ts";
import { bandsOf } from "./report.ts";
import { type Outcome, type Part, type Run, remaining } from "./setting.ts";
import { tableOf, withTable } from "./table.ts";

interface Options {
  readonly plan: PlanName;
  readonly part: Part;
  readonly engine: BrowserEngine;
  readonly report?: true;
}

function readOptions(): Options {
  const part = (text: string): Part => {
    const [part = 0, of = 0] = /^\d+\/\d+$/.test(text) ? text.split("/").map(Number) : [];
    if (part >= 1 && part <= of) return { part, of };
    throw new InvalidArgumentError("Give a part of the runs, such as 2/8 for the second of eight.");
  };
  return new Command("npm run study --")
    .description(
      "Trains networks that differ in their shortcuts alone, and keeps each run as a line of JSON.",
    )
    .addOption(new Option("--plan <name>", "which runs").choices(Object.keys(plans)).default("race"))
    .option("--part <i/n>", "only every n-th run, from the i-th on", part, { part: 1, of: 1 })
    .addOption(new Option("--engine <name>", "browser").choices(["chrome", "firefox"]).default("chrome"))
    .option("--report", "run nothing; write bands, table and figure of the lines that are there")
    .parse()
    .opts<Options>();
}

/** The commit that the code is at. */
function commitOf(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: repository, encoding: "utf8" }).trim();
  const changes = git("status", "--porcelain", "--", "src", "shaders", "test/studies/*.ts");
  return `${git("rev-parse", "--short=10", "HEAD")}${changes && "+changes"}`;
}

async function run({ plan, part, engine }: Options): Promise<void> {
  const settings = remaining(plans[plan], part, readRecord());
  console.log(`${plan}, part ${part.part}/${part.of}: ${settings.length} runs left`);
  if (settings.length === 0) return;
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu!.model.trim()}`;
  const code = { machine, commit: commitOf(), version: VERSION };
  await runInPage<Outcome>(engine, "depth", [settings], (i, outcome, browser) => {
    const setting = settings[i]!;
    const line: Run = { setting, ...outcome, browser, ...code, date: new Date().toISOString() };
    appendFileSync(`${RECORD}${plan}.jsonl`, `${JSON.stringify(line)}\n`);
    const { depth, shortcuts, seed } = setting;
    console.log(
      `${i + 1}/${settings.length}: ${depth} layers, ${nameOf(shortcuts)}, seed ${seed}: ` +
        `${(100 * outcome.accuracy).toFixed(1)} % in ${outcome.seconds} s`,
    );
  });
}

/** Writes the bands as JSON and as a figure beside the lines, and the table into the README. */
function report({ plan }: Options): void {
  const bands = bandsOf(readRecord(), plans[plan]);
  const table = tableOf(bands);
  writeFileSync(`${RECORD}${plan}.json`, `${JSON.stringify(bands, null, 1)}\n`);
  writeFileSync(`${RECORD}${plan}.svg`, figure(bands));
  const readme = `${RECORD}../README.md`;
  writeFileSync(readme, withTable(readFileSync(readme, "utf8"), plan, table));
  console.log(table);
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options.report) report(options);
  else await run(options);
}

main().catch((error: unknown) => {
  console.error(`study: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
