/**
 * `npm run bench`: times a training step of the interleaved network in this library and in others, in one run
 * of one headless browser. See README.md.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { build, type InlineConfig, type PreviewServer, preview } from "vite";
import { launchBrowser } from "../../src/cli/browser.ts";
import type { Engine } from "../../src/cli/find-browser.ts";
import type { Result, Settings, Timing } from "./page.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const PEERS = ["jax", "tfjs"];

/** The page's `bench`, and what it is given to report with. */
interface PageGlobals {
  bench(settings: Settings, report: (line: string) => void): Promise<Result>;
  report(line: string): void;
  finish(result: Result): void;
  fail(reason: string): void;
}

interface Options {
  readonly peers: readonly string[];
  readonly batch: number;
  readonly steps: number;
  readonly engine: Engine;
  readonly json?: string;
}

function readOptions(): Options {
  const count = (text: string): number => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < 1)
      throw new InvalidArgumentError("expects a whole number from 1 on");
    return value;
  };
  const list = (text: string): string[] => {
    const names = text.split(",").filter((name) => name !== "");
    const unknown = names.find((name) => !PEERS.includes(name));
    if (unknown !== undefined)
      throw new InvalidArgumentError(`there are ${PEERS.join(", ")}, not ${unknown}`);
    return names;
  };
  return new Command("bench")
    .description("times a training step of the interleaved network (28×28×3) against other libraries")
    .option("--peers <list>", `compare with these, of ${PEERS.join(",")}; "" for none`, list, ["jax"])
    .option("--batch <n>", "images a step", count, 32)
    .option("--steps <n>", "timed steps of each", count, 10)
    .addOption(new Option("--engine <name>", "browser").choices(["chrome", "firefox"]).default("chrome"))
    .option("--json <file>", "also write settings and all times there")
    .parse()
    .opts<Options>();
}

/** The peers are no dependencies of the library, so they are installed when first needed. */
function installPeers(): void {
  if (existsSync(join(here, "node_modules"))) return;
  console.log("installing the peers (npm ci in test/bench)");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: here,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error("npm ci in test/bench failed");
}

/** Builds the page as an app would, and serves it. */
async function servePage(outDir: string): Promise<PreviewServer> {
  const config: InlineConfig = {
    configFile: false,
    root: here,
    base: "./",
    logLevel: "warn",
    resolve: { alias: { webgraft: fileURLToPath(new URL("../../src/index.ts", import.meta.url)) } },
    build: { outDir, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: Number.POSITIVE_INFINITY },
  };
  await build(config);
  return preview({ ...config, preview: { port: 0, host: "localhost" } });
}

async function run({ peers, batch, steps, engine }: Options): Promise<Result & { browser: string }> {
  const outDir = mkdtempSync(join(tmpdir(), "webgraft-bench-"));
  const closing: (() => unknown)[] = [() => rmSync(outDir, { recursive: true })];
  try {
    const server = await servePage(outDir);
    closing.unshift(() => server.close());
    const { browser, description, close } = await launchBrowser(engine);
    closing.unshift(close);
    console.log(description);
    const page = await browser.newPage();
    await page.exposeFunction("report", (line: string) => console.log(line));
    // One call into the page must not take longer than puppeteer's protocol timeout, so the page reports its end.
    const result = new Promise<Result>((resolve, reject) => {
      const fail = (reason: string): void => reject(new Error(reason));
      page.on("error", (error) => fail(`the page crashed: ${error.message}`));
      browser.on("disconnected", () => fail("the browser went away"));
      closing.unshift(() => browser.off("disconnected"));
      page.exposeFunction("finish", resolve).catch(reject);
      page.exposeFunction("fail", fail).catch(reject);
    });
    result.catch(() => {}); // Awaited below, when the page is there.
    await page.goto(`http://localhost:${(server.httpServer.address() as AddressInfo).port}/`);
    const settings: Settings = { contestants: ["webgraft", ...peers], batch, steps };
    await page.evaluate((given) => {
      const global = globalThis as unknown as PageGlobals;
      global.bench(given, global.report).then(global.finish, (error: Error) => global.fail(error.message));
    }, settings);
    return { ...(await result), browser: description };
  } finally {
    for (const close of closing) await close();
  }
}

const median = (values: readonly number[]): number => quantile(values, 0.5);

/** Linear interpolation between the two nearest values. */
function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)]!;
  return below + (sorted[Math.ceil(at)]! - below) * (at - Math.floor(at));
}

function table(timings: readonly Timing[]): string {
  const ms = (value: number): string => value.toFixed(value < 100 ? 2 : 0);
  const own = median(timings[0]!.stepMs);
  const rows = timings.map(({ name, stepMs, firstStepMs }) => {
    const m = median(stepMs);
    const quartiles = `${ms(quantile(stepMs, 0.25))}–${ms(quantile(stepMs, 0.75))}`;
    return [name, ms(m), quartiles, ms(firstStepMs), `${(m / own).toFixed(2)}×`];
  });
  const all = [["", "median ms", "quartiles", "first step ms", "time"], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
    )
    .join("\n");
}

/** A software adapter shares the CPU with everything else, so other work there makes times useless. */
function warnOfLoad(load: number): void {
  if (load > availableParallelism() / 4)
    console.warn(`the machine is busy (load ${load.toFixed(1)}): expect longer times`);
}

async function main(): Promise<void> {
  const options = readOptions();
  installPeers();
  const load = loadavg()[0]!;
  warnOfLoad(load);
  const result = await run(options);
  console.log(`\none training step, batch ${options.batch}, ${result.adapter || "adapter not named"}\n`);
  console.log(table(result.timings));
  if (options.json) {
    const { batch, steps } = options;
    const model = "interleaved 28×28×3, SGD with momentum";
    writeFileSync(options.json, `${JSON.stringify({ model, batch, steps, load, ...result }, null, 2)}\n`);
  }
}

main().catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
});
