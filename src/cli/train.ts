import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { CommanderError } from "commander";
import { WebgraftError, WeightsError } from "../base/errors.ts";
import { settingsOf } from "../job/job-metadata.ts";
import type { JobEvent } from "../job/protocol.ts";
import type { JobSettings } from "../job/settings.ts";
import { runInBrowser } from "./browser/run-in-browser.ts";
import type { ImageFolder } from "./data/image-folder.ts";
import { openData } from "./data/open-data.ts";
import { openFolder, reason } from "./files.ts";
import { parseTrainOptions, type TrainOptions } from "./options.ts";
import { BarReporter, jsonLine, LineReporter, percent, type Reporter } from "./output/progress.ts";
import { writeProgress, writeResults } from "./output/results.ts";
import { RunLog } from "./output/run-log.ts";

const print = (text: string): void => {
  process.stdout.write(text);
};

/** Runs the command line and returns its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  const json = argv.includes("--json");
  const fail = (error: unknown, code: number): number => {
    // A stack trace helps only with unexpected errors.
    const foreseen = error instanceof WebgraftError || error instanceof CommanderError;
    const { message, stack } = error as Error;
    if (!(error instanceof CommanderError)) process.stderr.write(`webgraft: ${foreseen ? message : stack}\n`);
    if (json) print(jsonLine({ type: "error" }, { message }));
    return code;
  };

  let options: TrainOptions;
  try {
    options = parseTrainOptions(argv);
    if ("settings" in options.run) openData(options.run.settings);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return fail(error, error instanceof CommanderError || error instanceof WebgraftError ? 2 : 1);
  }
  try {
    return await train(options);
  } catch (error) {
    return fail(error, 1);
  }
}

async function train(options: TrainOptions): Promise<number> {
  const { run } = options;
  const resumed = "resume" in run ? readCheckpoint(run.resume) : undefined;
  const settings = "settings" in run ? run.settings : resumed!.settings;
  const images = openData(settings);
  const folder = options.out ?? ("resume" in run ? dirname(run.resume) : join("runs", timestamp()));
  const closeFolder = openFolder(folder);
  try {
    return await trainInto(folder, options, { settings, images, resumed });
  } finally {
    closeFolder();
  }
}

interface Prepared {
  readonly settings: JobSettings;
  readonly images: ImageFolder | undefined;
  readonly resumed: { readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
}

async function trainInto(
  folder: string,
  { run, engine, tune, json, plan }: TrainOptions,
  { settings, images, resumed }: Prepared,
): Promise<number> {
  const files = { folder: images, weights: resumed ? [] : (settings.weights ?? []) };
  const reporter: Reporter = json
    ? { event: (event) => print(jsonLine(event)), note() {}, close() {} }
    : process.stdout.isTTY
      ? new BarReporter(process.stdout)
      : new LineReporter(print);
  const interrupt = new AbortController();
  onInterrupt(
    () => {
      reporter.note("Stopping; press Ctrl-C again to end at once.");
      interrupt.abort();
    },
    () => reporter.close(),
  );

  let checkpoint = resumed?.bytes;
  let checkpointPath = "resume" in run ? run.resume : undefined;
  let done: (JobEvent & { type: "done" }) | undefined;
  let log = new RunLog({ browser: "", engine, tune });
  try {
    await runInBrowser({
      engine,
      tune,
      settings,
      checkpoint,
      files,
      signal: interrupt.signal,
      onBrowser({ description, gpu }) {
        log = new RunLog({ browser: description, engine, tune });
        if (json) print(jsonLine({ type: "browser" }, { description, software: gpu === "software" }));
        reporter.note(description);
        if (gpu === "software") {
          reporter.note("This is a software adapter, a GPU emulated by the CPU: expect it to be slow.");
        }
      },
      onEvent(event) {
        log.add(event);
        if (event.type === "checkpoint") {
          checkpoint = event.bytes;
          checkpointPath = writeProgress(folder, log.metrics()!, log.planPicture, event.bytes);
          if (json) print(jsonLine(event, { file: checkpointPath }));
        } else if (event.type === "done") {
          done = event; // Reported once the files are written.
        } else if (event.type !== "stopped" && event.type !== "error") {
          reporter.event(event);
          if (event.type === "ready" && plan) reporter.note(event.planText);
        }
      },
    });
  } catch (error) {
    reporter.close();
    if (error instanceof WebgraftError && checkpointPath) {
      const command = resumeCommand(checkpointPath, engine);
      error.message = `${error.message.replace(/\.$/, "")}; resume from the last checkpoint with: ${command}`;
    }
    throw error;
  }

  const metrics = log.metrics();
  if (done && metrics && checkpoint) {
    const files = writeResults(folder, metrics, log.planPicture, checkpoint);
    reporter.note(
      `${percent(done.testAccuracy)} of ${done.testExamples} test images correct; ` +
        `median step ${done.medianStepMs.toFixed(1)} ms\n${files.join("\n")}`,
    );
    if (json) print(jsonLine(done, { files }));
    return 0;
  }
  const { step } = metrics?.steps.at(-1) ?? { step: 0 };
  if (checkpoint && metrics) checkpointPath = writeProgress(folder, metrics, log.planPicture, checkpoint);
  if (json) print(jsonLine({ type: "stopped" }, { step, ...(checkpointPath && { file: checkpointPath }) }));
  reporter.note(
    checkpointPath
      ? `Stopped after step ${step}. Resume with:\n  ${resumeCommand(checkpointPath, engine)}`
      : "Stopped before the first step; nothing was written.",
  );
  return 130;
}

function readCheckpoint(path: string): { bytes: Uint8Array<ArrayBuffer>; settings: JobSettings } {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new WeightsError(`cannot read ${path} — ${reason(error)}`, { cause: error });
  }
  return { bytes, settings: settingsOf(bytes, path) };
}

/** Calls `first` at the first Ctrl-C; at the second, calls `last` and ends the process. */
function onInterrupt(first: () => void, last: () => void): void {
  let before: number | undefined;
  process.on("SIGINT", () => {
    const now = performance.now();
    if (before === undefined) {
      before = now;
      first();
    } else if (now - before > 300) {
      // A repeat within 300 ms is the same Ctrl-C: npm passes on a signal that the terminal has sent to all processes.
      last();
      process.exit(130);
    }
  });
}

function resumeCommand(path: string, engine: string): string {
  const file = /^[\w./-]+$/.test(path) ? path : JSON.stringify(path);
  return `npm run train -- --resume ${file}${engine === "chrome" ? "" : ` --engine ${engine}`}`;
}

/** `2026-05-01T12-30-00`, in local time. */
function timestamp(): string {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19).replaceAll(":", "-");
}

// If the reader of a pipe has left, such as `head`, the run ends like other programs.
process.stdout.on("error", () => process.exit(128 + constants.signals.SIGPIPE));
process.exitCode = await main(process.argv.slice(2));
