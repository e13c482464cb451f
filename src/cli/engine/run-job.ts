import { WebgraftError } from "../../base/errors.ts";
import type { JobEvent } from "../../job/protocol.ts";
import type { JobSettings } from "../../job/settings.ts";
import { PAGE } from "../resources.ts";
import type { RunFiles } from "../server/run-files.ts";
import { serveRun } from "../server/run-server.ts";
import type { LocalServer } from "../server/serve.ts";
import { type GpuEngine, launchEngine } from "./engine.ts";
import { type Engine, isBrowser } from "./engines.ts";
import type { PageOptions } from "./page/main.ts";

export interface JobRun extends Omit<PageOptions, "home" | "resumed"> {
  readonly engine: Engine;
  readonly settings: JobSettings;
  readonly checkpoint: Uint8Array | undefined;
  readonly files: RunFiles;
  readonly onEngine: (started: GpuEngine) => void;
  /** Called for each event, in order. An error it throws ends the run. */
  readonly onEvent: (event: JobEvent) => void;
  /** Stops the job: a checkpoint and `stopped` follow. */
  readonly signal: AbortSignal;
}

/**
 * Runs a training job in an engine. Resolves after `done` or `stopped`, or at once if aborted before the job starts;
 * rejects with the job's error, or with DeviceError if the engine ends.
 */
export async function runJob(run: JobRun): Promise<void> {
  const { engine, tune, checkpointEvery, paused, settings, checkpoint, files, onEngine, signal } = run;
  let onEvent = run.onEvent;
  const started = await launchEngine(engine);
  let server: LocalServer | undefined;
  try {
    onEngine(started);
    const ended = new Promise<void>((resolve, reject) => {
      onEvent = (event) => {
        try {
          run.onEvent(event);
          if (event.type === "error") reject(new WebgraftError(event.message));
          if (event.type === "done" || event.type === "stopped") resolve();
        } catch (error) {
          reject(error);
        }
      };
    });
    ended.catch(() => {}); // It may reject before it is awaited.
    const report = (event: JobEvent): void => onEvent(event);
    const exchange = { settings, resumed: checkpoint, onCheckpoint: report };
    server = await serveRun(exchange, files, isBrowser(engine));
    if (signal.aborted) return;
    const running = await started.run({ url: server.url, file: PAGE }, { report });
    if (signal.aborted) return;
    signal.addEventListener("abort", () => {
      running.call("stopJob").catch(() => {}); // If the page is gone, the run ends anyway.
    });
    const options: PageOptions = {
      ...{ tune, checkpointEvery, paused },
      home: server.url,
      resumed: checkpoint !== undefined,
    };
    await Promise.race([running.call("startJob", settings, options).then(() => ended), ended, running.died]);
  } finally {
    onEvent = () => {};
    await Promise.all([started.close(), server?.close()]);
  }
}
