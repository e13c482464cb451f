import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { WeightsError } from "../base/errors.ts";
import { settingsOf } from "../job/job-metadata.ts";
import type { JobEvent } from "../job/protocol.ts";
import type { JobSettings } from "../job/settings.ts";
import type { ImageFolder } from "./data/image-folder.ts";
import { openData } from "./data/open-data.ts";
import { type JobRun, runJob } from "./engine/run-job.ts";
import { reason } from "./files.ts";
import { checkEngine, type TrainOptions } from "./options.ts";
import { jsonLine } from "./output/json-line.ts";
import { BarReporter, browserText, LineReporter, percent, type Reporter } from "./output/progress.ts";
import { progressFiles, resultFiles } from "./output/results.ts";
import { RunLog } from "./output/run-log.ts";
import { newFolder, RunFolder } from "./run-folder.ts";
import { exitCode, type StopReason, stopWith } from "./stopping.ts";

const print = (text: string): void => {
  process.stdout.write(text);
};

/** What a run is made of, beside its options. */
interface Prepared {
  readonly settings: JobSettings;
  readonly images: ImageFolder | undefined;
  readonly resumed: { readonly path: string; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
}

/** Trains, or only shows the plan, and returns the exit code. */
export async function train(options: TrainOptions): Promise<number> {
  const { run, out, force, plan } = options;
  const resumed = "resume" in run ? readCheckpoint(run.resume) : undefined;
  const settings = "settings" in run ? run.settings : resumed!.settings;
  checkEngine(options.engine, settings);
  const prepared: Prepared = { settings, images: openData(settings), resumed };
  const { notes = [] } = prepared.images ?? {};
  if (options.json && notes.length > 0) print(jsonLine({ type: "folder" }, { notes }));
  else for (const note of notes) print(`${settings.data}: ${note}\n`);
  if (plan) return showPlan(options, prepared);
  const path = out ?? (resumed && dirname(resumed.path));
  const folder = path
    ? new RunFolder(path, { resumed: resumed?.path, force })
    : new RunFolder(newFolder(), { made: true });
  try {
    return await trainInto(folder, options, prepared);
  } finally {
    folder.close();
  }
}

async function trainInto(folder: RunFolder, options: TrainOptions, prepared: Prepared): Promise<number> {
  const { engine, tune, json } = options;
  const reporter = reporterFor(options);
  const stop = stopOnSignal(reporter);
  let checkpoint = prepared.resumed?.bytes;
  let checkpointPath = prepared.resumed?.path;
  let done: (JobEvent & { type: "done" }) | undefined;
  let log = new RunLog({ browser: "", engine, tune });
  const writeProgress = (): void => {
    [checkpointPath] = folder.write(progressFiles(log.metrics()!, log.planPicture, checkpoint!));
  };
  try {
    await runJob({
      ...common(options, prepared, reporter, (description) => {
        log = new RunLog({ browser: description, engine, tune });
      }),
      signal: stop.signal,
      onEvent(event) {
        log.add(event);
        if (event.type === "checkpoint") {
          checkpoint = event.bytes;
          writeProgress();
          if (json) print(jsonLine(event, { file: checkpointPath }));
        } else if (event.type === "done") {
          done = event; // Reported once the files are written.
        } else if (event.type !== "stopped" && event.type !== "error") {
          reporter.event(event);
        }
      },
    });
  } catch (error) {
    reporter.close();
    if (error instanceof Error && checkpointPath) {
      const command = resumeCommand(checkpointPath, engine);
      error.message = `${error.message.replace(/\.$/, "")}; resume from the last checkpoint with: ${command}`;
    }
    throw error;
  }

  const metrics = log.metrics();
  if (done && metrics && checkpoint) {
    const files = folder.write(resultFiles(metrics, log.planPicture, checkpoint));
    reporter.note(
      `${percent(done.testAccuracy)} of ${done.testExamples} test images correct; ` +
        `median step ${done.medianStepMs.toFixed(1)} ms\n${files.join("\n")}`,
    );
    if (json) print(jsonLine(done, { files }));
    return 0;
  }
  const { step } = metrics?.steps.at(-1) ?? { step: 0 };
  if (checkpoint && metrics) writeProgress();
  if (json) print(jsonLine({ type: "stopped" }, { step, ...(checkpointPath && { file: checkpointPath }) }));
  reporter.note(
    checkpointPath
      ? `Stopped after step ${step}. Resume with:\n  ${resumeCommand(checkpointPath, engine)}`
      : "Stopped before the first step; nothing was written.",
  );
  return stop.code();
}

/** Makes the plan on the GPU, which determines it, prints it, and trains no step. */
async function showPlan(options: TrainOptions, prepared: Prepared): Promise<number> {
  const reporter = reporterFor(options);
  const stop = stopOnSignal(reporter);
  const shown = new AbortController();
  try {
    await runJob({
      ...common(options, prepared, reporter, () => {}),
      signal: AbortSignal.any([stop.signal, shown.signal]),
      onEvent(event) {
        if (!["checkpoint", "paused", "stopped", "error"].includes(event.type)) reporter.event(event);
        if (event.type !== "ready") return;
        reporter.note(event.planText);
        if (options.json) print(jsonLine({ type: "plan" }, { text: event.planText }));
        shown.abort();
      },
    });
  } finally {
    reporter.close();
  }
  return shown.signal.aborted ? 0 : stop.code();
}

/** What training and planning ask of the engine alike. `onDescription` gets its description. */
function common(
  { engine, tune, checkpointEvery, json, plan }: TrainOptions,
  { settings, images, resumed }: Prepared,
  reporter: Reporter,
  onDescription: (description: string) => void,
): Omit<JobRun, "signal" | "onEvent"> {
  return {
    ...{ engine, tune, checkpointEvery, settings, paused: plan, checkpoint: resumed?.bytes },
    files: { folder: images, weights: resumed ? [] : (settings.weights ?? []) },
    onEngine({ description, gpu }) {
      onDescription(description);
      if (json) print(jsonLine({ type: "browser" }, { description, software: gpu === "software" }));
      reporter.note(browserText(description, gpu));
    },
  };
}

function reporterFor({ json }: TrainOptions): Reporter {
  if (json) return { event: (event) => print(jsonLine(event)), note() {}, close() {} };
  return process.stdout.isTTY ? new BarReporter(process.stdout) : new LineReporter(print);
}

function stopOnSignal(reporter: Reporter): { readonly signal: AbortSignal; code(): number } {
  const interrupt = new AbortController();
  let reason: StopReason = "SIGINT";
  stopWith(
    (given) => {
      reason = given;
      reporter.note("Stopping; press Ctrl-C again to end at once.");
      interrupt.abort();
    },
    () => reporter.close(),
  );
  return { signal: interrupt.signal, code: () => exitCode(reason) };
}

function readCheckpoint(path: string): NonNullable<Prepared["resumed"]> & { settings: JobSettings } {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = new Uint8Array(readFileSync(path));
  } catch (error) {
    throw new WeightsError(`cannot read ${path} — ${reason(error)}`, { cause: error });
  }
  return { path, bytes, settings: settingsOf(bytes, path) };
}

function resumeCommand(path: string, engine: string): string {
  const file = /^[\w./-]+$/.test(path) ? path : JSON.stringify(path);
  return `npm run train -- --resume ${file}${engine === "chrome" ? "" : ` --engine ${engine}`}`;
}
