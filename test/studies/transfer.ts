/**
 * `npm run transfer`: what the backbone that ships is worth on MNIST with 10, 50 and 100 images a class, against the same
 * networks from scratch. Prints a line for each run and a table of them; about half an hour on two CPU cores.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import type { BrowserEngine } from "../../src/cli/engine/engines.ts";
import { type Browser, repository, runInPage } from "./browser.ts";
import type { Trial } from "./trial.ts";

interface Options {
  readonly engine: BrowserEngine;
  readonly seeds: number;
  readonly json: string;
}

/** A trial with the share of the test images that it classified correctly. */
interface Outcome extends Trial {
  readonly accuracy: number;
}

/** As many that the steps come to 150, 375 and 500. */
const EPOCHS: Readonly<Record<number, number>> = { 10: 30, 50: 15, 100: 10 };
/** From the first on; more would take longer than all the training. */
const TEST_IMAGES = 5_000;
const COUNTS = Object.keys(EPOCHS).map(Number);
const TOPOLOGIES = ["sequential", "features"] as const;
const STARTS = ["pretrained", "scratch"] as const;

function readOptions(): Options {
  const count = (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1) return value;
    throw new InvalidArgumentError("Give a whole number from 1.");
  };
  return new Command("npm run transfer --")
    .description("Trains on few MNIST images, from the backbone that ships and from scratch.")
    .addOption(new Option("--engine <name>", "browser").choices(["chrome", "firefox"]).default("chrome"))
    .option("--seeds <n>", "runs of each kind", count, 3)
    .option("--json <file>", "where all accuracies are written", "runs/transfer.json")
    .parse()
    .opts<Options>();
}

function allTrials(seeds: number): Trial[] {
  const runs = Array.from({ length: seeds }, (_, i) => i + 1);
  return COUNTS.flatMap((perClass) =>
    TOPOLOGIES.flatMap((topology) =>
      STARTS.flatMap((start) =>
        runs.map((seed): Trial => ({ topology, start, perClass, seed, epochs: EPOCHS[perClass]! })),
      ),
    ),
  );
}

async function runTrials(
  engine: BrowserEngine,
  trials: readonly Trial[],
  onOutcome: (outcome: Outcome) => void,
): Promise<Browser> {
  const weights = `/@fs${repository}src/pretrained/resnet20-fashion.safetensors`;
  return runInPage<number>(engine, "transfer", [trials, TEST_IMAGES, weights], (i, accuracy) =>
    onOutcome({ ...trials[i]!, accuracy }),
  );
}

/** Mean of the seeds, lowest and highest, in Markdown. */
function table(outcomes: readonly Outcome[]): string {
  const cell = (topology: string, start: string, perClass: number): string => {
    const found = outcomes
      .filter((o) => o.topology === topology && o.start === start && o.perClass === perClass)
      .map(({ accuracy }) => 100 * accuracy);
    const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
    return `${mean.toFixed(1)} (${Math.min(...found).toFixed(1)}–${Math.max(...found).toFixed(1)})`;
  };
  const columns = TOPOLOGIES.flatMap((topology) => STARTS.map((start) => [topology, start] as const));
  return [
    `| Images a class | ${columns.map(([topology, start]) => `\`${topology}\`, ${start}`).join(" | ")} |`,
    `| --- |${" --- |".repeat(columns.length)}`,
    ...COUNTS.map(
      (n) => `| ${n} | ${columns.map(([topology, start]) => cell(topology, start, n)).join(" | ")} |`,
    ),
  ].join("\n");
}

async function main(): Promise<void> {
  const { engine, seeds, json } = readOptions();
  const trials = allTrials(seeds);
  const outcomes: Outcome[] = [];
  const bar = new SingleBar({
    format: "{bar} {value}/{total} runs  {eta_formatted} left",
    noTTYOutput: false,
  });
  bar.start(trials.length, 0);
  const ran = await runTrials(engine, trials, (outcome) => {
    outcomes.push(outcome);
    const { topology, start, perClass, seed, accuracy } = outcome;
    if (!process.stdout.isTTY) {
      console.log(`${topology} ${start} ${perClass} a class, seed ${seed}: ${(100 * accuracy).toFixed(2)} %`);
    }
    bar.update(outcomes.length);
  }).finally(() => bar.stop());
  mkdirSync(dirname(json), { recursive: true });
  writeFileSync(json, `${JSON.stringify({ ...ran, outcomes }, null, 1)}\n`);
  console.log(
    `\nPer cent of ${TEST_IMAGES} test images right, mean (lowest–highest) of ${seeds} seeds; ${ran.browser}\n`,
  );
  console.log(table(outcomes));
}

main().catch((error: unknown) => {
  console.error(`transfer: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
