import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createServer, type Plugin, type ViteDevServer } from "vite";
import { DeviceError, WebgraftError } from "../../base/errors.ts";
import type { JobEvent } from "../../job/protocol.ts";
import type { JobSettings } from "../../job/settings.ts";
import type { TuneMode } from "../../train/tune.ts";
import { dataFiles } from "../data/data-files.ts";
import { type RunFiles, runFiles } from "../output/run-files.ts";
import { tuningFile } from "../tuning-file.ts";
import { type GpuBrowser, launchBrowser } from "./browser.ts";
import type { Engine } from "./find-browser.ts";

export interface BrowserRun {
  readonly engine: Engine;
  readonly tune: TuneMode;
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
  const { engine, tune, settings, checkpoint, files, onBrowser, signal } = run;
  let onEvent = run.onEvent;
  const started = await launchBrowser(engine);
  let server: ViteDevServer | undefined;
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
    server = await servePage(checkpoint, files, (event) => onEvent(event));
    await page.exposeFunction("report", (event: JobEvent) => onEvent(event));
    await page.goto(`http://localhost:${(server.httpServer!.address() as AddressInfo).port}/?tune=${tune}`);
    await Promise.race([ended, page.waitForFunction("window.webgraftJob")]);
    if (signal.aborted) return;
    signal.addEventListener("abort", () => {
      page.evaluate(() => window.webgraftJob.stop()).catch(() => {}); // If the page is gone, the run ends anyway.
    });
    await page.evaluate(
      (settings, resumed) => window.webgraftJob.start(settings, resumed),
      settings,
      checkpoint !== undefined,
    );
    await ended;
  } finally {
    onEvent = () => {};
    await Promise.all([started.close(), server?.close()]);
  }
}

/** Serves the page, the library's sources, the data and the user's files with Vite; checkpoints go over HTTP, as bytes. */
async function servePage(
  checkpoint: Uint8Array | undefined,
  files: RunFiles,
  onEvent: (event: JobEvent) => void,
): Promise<ViteDevServer> {
  const job: Plugin = {
    name: "webgraft-job",
    configureServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const url = new URL(request.url ?? "/", "http://localhost");
        if (url.pathname === "/") {
          response.setHeader("content-type", "text/html");
          response.end(
            '<!doctype html><title>Webgraft</title><script type="module" src="/main.ts"></script>',
          );
        } else if (url.pathname !== "/checkpoint") {
          next();
        } else if (request.method === "GET") {
          response.end(checkpoint);
        } else {
          const chunks: Uint8Array[] = [];
          request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
          request.on("end", () => {
            const bytes = new Uint8Array(Buffer.concat(chunks));
            onEvent({ type: "checkpoint", step: Number(url.searchParams.get("step")), bytes });
            response.end();
          });
        }
      });
    },
  };
  const server = await createServer({
    configFile: false,
    root: fileURLToPath(new URL("page", import.meta.url)),
    plugins: [job, dataFiles(), runFiles(files), tuningFile()],
    server: {
      port: 0,
      watch: null,
      ws: false,
      fs: { allow: [fileURLToPath(new URL("../../..", import.meta.url))] },
    },
    appType: "custom",
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
  });
  return server.listen();
}
