import { DeviceError, WebgraftError } from "../../base/errors.ts";
import type { JobEvent } from "../../job/protocol.ts";
import type { JobSettings } from "../../job/settings.ts";
import type { RunFiles } from "../server/run-files.ts";
import { serveRun } from "../server/run-server.ts";
import type { LocalServer } from "../server/serve.ts";
import { type GpuBrowser, launchBrowser } from "./browser.ts";
import type { Engine } from "./find-browser.ts";
import type { PageOptions } from "./page/main.ts";

export interface BrowserRun extends Omit<PageOptions, "resumed"> {
  readonly engine: Engine;
  readonly settings: JobSettings;
  readonly checkpoint: Uint8Array | undefined;
  readonly files: RunFiles;
  readonly onBrowser: (browser: GpuBrowser) => void;
  /** Called for each event, in order. An error it throws ends the run. */
  readonly onEvent: (event: JobEvent) => void;
  /** Stops the job: a checkpoint and `stopped` follow. */
  readonly signal: AbortSignal;
}

/**
 * Runs a training job in a headless browser. Resolves after `done` or `stopped`, or at once if aborted before the job
 * starts; rejects with the job's error, or with DeviceError if the browser ends.
 */
export async function runInBrowser(run: BrowserRun): Promise<void> {
  const { engine, tune, checkpointEvery, paused, settings, checkpoint, files, onBrowser, signal } = run;
  let onEvent = run.onEvent;
  const started = await launchBrowser(engine);
  let server: LocalServer | undefined;
  try {
    onBrowser(started);
    const { browser } = started;
    const page = await started.newPage();
    const ended = new Promise<void>((resolve, reject) => {
      const died = (what: string) => () => reject(new DeviceError(`${what} in the middle of the run`));
      browser.on("disconnected", died("the browser ended"));
      page.on("close", died("the browser's page was closed"));
      page.on("error", (error) => reject(new DeviceError(`the browser's page crashed — ${error.message}`)));
      page.on("pageerror", (error) => reject(error instanceof Error ? error : new Error(String(error))));
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
    const onCheckpoint = (event: JobEvent): void => onEvent(event);
    server = await serveRun({ settings, resumed: checkpoint, onCheckpoint }, files);
    await page.exposeFunction("report", (event: JobEvent) => onEvent(event));
    if (signal.aborted) return;
    await page.goto(server.url);
    await Promise.race([ended, page.waitForFunction("window.webgraftJob")]);
    if (signal.aborted) return;
    signal.addEventListener("abort", () => {
      page.evaluate(() => window.webgraftJob.stop()).catch(() => {}); // If the page is gone, the run ends anyway.
    });
    const options: PageOptions = { tune, checkpointEvery, paused, resumed: checkpoint !== undefined };
    await page.evaluate(
      (settings, options) => window.webgraftJob.start(settings, options),
      settings,
      options,
    );
    await ended;
  } finally {
    onEvent = () => {};
    await Promise.all([started.close(), server?.close()]);
  }
}
