/** Whatever kills a run, and whenever: what it leaves goes on as if nothing had been. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { Random } from "../../src/base/random.ts";
import { type Engine, engines, isBrowser } from "../../src/cli/engine/engines.ts";
import type { Metrics } from "../../src/cli/output/run-log.ts";
import { historyOf } from "../../src/job/job-metadata.ts";
import type { Line } from "../support/runner/command.ts";
import { descendants, gone } from "../support/runner/processes.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-kills-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const train = fileURLToPath(new URL("../../src/cli/train.ts", import.meta.url));
const settings = "--topology convnet --image-size 8 --examples 96 --batch 4 --epochs 5 --test-examples 8";
const totalSteps = 120; // More than three lives take, on a fast GPU too.
/** Of a life: it is killed between its first step and this one, or a little later. */
const LATEST_STEP = 12;

const seed = Number(process.env.KILLS_SEED ?? Math.floor(Math.random() * 2 ** 32));

type Victim = "the command line" | "the engine" | "the GPU process";

/** Runs the command line; at its step `at` calls `strike` with its process id. */
async function live(args: readonly string[], at: number, strike: (pid: number) => void) {
  const child = spawn(process.execPath, ["--import", "tsx", train, "--json", ...args], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  let steps = 0;
  child.stdout.on("data", (chunk) => {
    text += chunk;
    const now = text.split('{"event":"step"').length - 1;
    if (steps < at && now >= at) strike(child.pid!);
    steps = now;
  });
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on("close", (...end) => resolve(end)),
  );
  const complete = text.slice(0, text.lastIndexOf("\n")).split("\n");
  return { code, signal, lines: complete.map((line) => JSON.parse(line) as Line), steps };
}

const metricsOf = (folder: string): Metrics => JSON.parse(readFileSync(join(folder, "metrics.json"), "utf8"));
const lossesOf = (folder: string) => metricsOf(folder).steps.map(({ step, loss }) => [step, loss]);

/** The process of the engine and that of the GPU, and what must go with them: all processes, and a browser's profile. */
function engineOf(engine: Engine, pid: number) {
  const all = descendants(pid);
  const gpu = all.find(({ command }) => command.includes("--type=gpu-process"))?.pid;
  if (!isBrowser(engine)) {
    const { pid } = all.find(({ command }) => command.includes("runtime/main.ts"))!;
    return { engine: pid, gpu, pids: [pid], profile: undefined };
  }
  const keeper = all.find(({ command }) => command.includes("keeper.mjs"))!;
  const browser = all.find(({ parent }) => parent === keeper.pid)!;
  const [profile] = /\S*webgraft-browser-\w+/.exec(keeper.command)!;
  return { engine: browser.pid, gpu, pids: [keeper.pid, browser.pid], profile };
}

// At once, since much of a life is waiting for an engine. Deno's process is Node's to the command line.
describe.concurrent.each(engines.filter((engine) => engine !== "deno"))("a run in %s", (engine: Engine) => {
  const victims: readonly Victim[] = [
    "the command line",
    ...(engine === "chrome" ? (["the GPU process"] as const) : []),
    "the engine",
  ];

  test("that is killed again and again ends as one that was not", async () => {
    const random = new Random(seed, engine);
    const whole = join(scratch, `${engine}-whole`);
    const torn = join(scratch, `${engine}-torn`);
    const common = ["--engine", engine];
    const uninterrupted = live(
      [...settings.split(" "), ...common, "--out", whole],
      Number.POSITIVE_INFINITY,
      () => {},
    );

    const checkpoint = join(torn, "checkpoint.safetensors");
    /** Goes on where the last life ended. */
    const next = () => [
      ...(existsSync(checkpoint) ? ["--resume", checkpoint] : [...settings.split(" "), "--out", torn]),
      ...common,
    ];
    for (const victim of victims) {
      const at = 1 + Math.floor(random.uniform() * LATEST_STEP);
      const later = random.uniform() * 50;
      let started: ReturnType<typeof engineOf> | undefined;
      const { code, signal, lines, steps } = await live(
        [...next(), "--checkpoint-every", "0.1"],
        at,
        (pid) => {
          started = engineOf(engine, pid);
          const pids = {
            "the command line": pid,
            "the engine": started.engine,
            "the GPU process": started.gpu,
          };
          setTimeout(() => process.kill(pids[victim]!, "SIGKILL"), later);
        },
      );
      const what = `seed ${seed}: ${victim}, at step ${at} of its life and ${later.toFixed()} ms later`;
      if (victim === "the command line") {
        expect([signal, code], what).toEqual(["SIGKILL", null]);
      } else {
        expect(code, what).toBe(1);
        if (existsSync(checkpoint)) {
          const advice = expect.stringContaining(
            `resume from the last checkpoint with: npm run train -- --resume ${checkpoint}`,
          );
          expect(lines.at(-1), what).toMatchObject({ event: "error", message: advice });
        }
      }
      expect(steps, what).toBeGreaterThanOrEqual(at);
      await gone(started!.pids);
      expect(existsSync(started!.profile ?? ""), what).toBe(false);
      if (existsSync(checkpoint)) {
        const history = historyOf(new Uint8Array(readFileSync(checkpoint)), checkpoint);
        expect(metricsOf(torn).steps, what).toEqual(history.steps);
        expect(metricsOf(torn).epochs, what).toEqual(history.epochs);
      }
    }
    const survivor = await live(next(), Number.POSITIVE_INFINITY, () => {});
    expect(survivor.code, `seed ${seed}`).toBe(0);

    expect((await uninterrupted).code).toBe(0);
    expect(lossesOf(whole).length).toBe(totalSteps);
    expect(lossesOf(torn), `seed ${seed}`).toEqual(lossesOf(whole));
    expect(metricsOf(torn).epochs, `seed ${seed}`).toEqual(metricsOf(whole).epochs);
    const model = "model.safetensors";
    expect(readFileSync(join(torn, model)).equals(readFileSync(join(whole, model))), `seed ${seed}`).toBe(
      true,
    );
  });
});
