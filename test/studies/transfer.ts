/**
 * `npm run transfer`: what the backbone that ships is worth on MNIST with 10, 50 and 100 images a class, against the same
 * networks from scratch. Prints a line for each run and a table of them; about half an hour on two CPU cores.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { SingleBar } from "cli-progress";
import { Command, InvalidArgumentError, Option } from "commander";
import { createServer } from "vite";
import { launchBrowser } from "../../src/cli/browser/browser.ts";
import type { Engine } from "../../src/cli/browser/find-browser.ts";
import { dataFiles } from "../../src/cli/data/data-files.ts";
import type { Trial } from "./trial.ts";

interface Options {
  readonly engine: Engine;
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

const repository = fileURLToPath(new URL("../..", import.meta.url));

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

/** The page's `transfer` and what it reports with. */
interface PageGlobals {
  transfer(
    trials: readonly Trial[],
    testImages: number,
    weightsUrl: string,
    report: (index: number, accuracy: number) => void,
  ): Promise<string>;
  report(index: number, accuracy: number): void;
  finish(adapter: string): void;
  fail(reason: string): void;
}

async function runTrials(
  engine: Engine,
  trials: readonly Trial[],
  onOutcome: (outcome: Outcome) => void,
): Promise<{ readonly browser: string; readonly adapter: string }> {
  const server = await createServer({
    configFile: false,
    root: fileURLToPath(new URL(".", import.meta.url)),
    plugins: [dataFiles()],
    resolve: { alias: { webgraft: `${repository}src/index.ts` } },
    server: { port: 0, watch: null, ws: false, cors: false, fs: { allow: [repository] } },
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
  });
  const { port } = (await server.listen()).httpServer!.address() as AddressInfo;
  const started = await launchBrowser(engine);
  try {
    const page = await started.newPage();
    // One call into the page must not take longer than puppeteer's protocol timeout, so the page reports its end.
    const adapter = new Promise<string>((resolve, reject) => {
      const fail = (reason: string): void => reject(new Error(reason));
      page.on("error", (error) => fail(`the page crashed: ${error.message}`));
      page.exposeFunction("finish", resolve).catch(reject);
      page.exposeFunction("fail", fail).catch(reject);
    });
    await page.exposeFunction("report", (i: number, accuracy: number) =>
      onOutcome({ ...trials[i]!, accuracy }),
    );
    await page.goto(`http://localhost:${port}/`);
    await page.evaluate(
      (list, count, url) => {
        const global = globalThis as unknown as PageGlobals;
        global
          .transfer(list, count, url, global.report)
          .then(global.finish, (error: Error) => global.fail(error.message));
      },
      trials,
      TEST_IMAGES,
      `/@fs${repository}src/pretrained/resnet20-fashion.safetensors`,
    );
    return { browser: started.description, adapter: await adapter };
  } finally {
    await Promise.all([started.close(), server.close()]);
  }
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
