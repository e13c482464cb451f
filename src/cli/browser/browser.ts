import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import puppeteer, { type Browser, type Page } from "puppeteer";
import { DeviceError } from "../../base/errors.ts";
import { type AdapterDescription, describeAdapter } from "../engine/adapter.ts";
import type { BrowserEngine } from "../engine/engines.ts";
import { type Gpu, softwareVulkan, withBestGpu } from "../engine/vulkan.ts";
import { findBrowser } from "./find-browser.ts";

/** What takes longer hangs: a machine with other work may take a minute to start a browser or to load a page. */
const PATIENCE_MS = 180_000;

/** A browser that takes longer to close is killed. */
const CLOSING_MS = 10_000;

/** Runs the browser, so that it cannot outlive this process. */
const KEEPER = fileURLToPath(new URL("keeper.mjs", import.meta.url));

/** A running headless browser that has a WebGPU adapter. */
export interface GpuBrowser {
  readonly browser: Browser;
  readonly gpu: Gpu;
  /** The browser and the adapter, for display: `Chrome/150.0, hardware GPU: nvidia ampere`. */
  readonly description: string;
  newPage(): Promise<Page>;
  close(): Promise<void>;
}

/**
 * Starts a headless browser with WebGPU: on the adapter that `gpu` names, by default the real GPU if there is one and
 * a software adapter otherwise; `more` are further arguments of its command line. Throws DeviceError if there is no
 * browser or no adapter.
 */
export async function launchBrowser(
  engine: BrowserEngine,
  gpu?: Gpu,
  more: readonly string[] = [],
): Promise<GpuBrowser> {
  const executablePath = await findBrowser(engine);
  const start = (gpu: Gpu): Promise<GpuBrowser> => launch(engine, executablePath, gpu, more);
  return gpu ? start(gpu) : withBestGpu(start);
}

async function launch(
  engine: BrowserEngine,
  executablePath: string,
  gpu: Gpu,
  more: readonly string[],
): Promise<GpuBrowser> {
  const profile = temporaryProfile();
  let browser: Browser | undefined;
  const close = async () => {
    if (browser) await closeBrowser(browser);
    profile.remove();
  };
  const { args, ...options } = engine === "chrome" ? chromeOptions(gpu) : await firefoxOptions(gpu);
  const defaults = puppeteer.defaultArgs({
    ...options,
    args: [...args, ...more],
    headless: true,
    userDataDir: profile.path,
  });
  try {
    browser = await puppeteer.launch({
      ...options,
      executablePath: process.execPath,
      ignoreDefaultArgs: true,
      args: [KEEPER, profile.path, executablePath, ...defaults],
      timeout: PATIENCE_MS,
      protocolTimeout: PATIENCE_MS,
      // Chrome would report each checkpoint that the page sends, as text that no string can hold from 90 MB on.
      networkEnabled: false,
      // `stopOnSignal` handles these; puppeteer's own handlers would keep the process alive on SIGTERM.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
    const newPage = newPageOf(browser);
    const adapter = await adapterOf(newPage);
    if (!adapter) {
      throw new DeviceError(
        `launchBrowser: ${executablePath} has no WebGPU adapter — ${gpu} GPU, ${process.platform}; ${adapterAdvice(engine)}`,
      );
    }
    // A browser may give a software adapter when asked for the real one.
    const actual = adapter.software ? "software" : gpu;
    const description = `${await browser.version()}, ${actual} GPU: ${adapter.name || "not named by the browser"}`;
    return { browser, gpu: actual, description, newPage, close };
  } catch (error) {
    await close();
    if (error instanceof DeviceError) throw error;
    throw new DeviceError(`launchBrowser: ${executablePath} did not start — ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** Closes a browser, which may be gone already, or hang. */
async function closeBrowser(browser: Browser): Promise<void> {
  const hangs = setTimeout(() => browser.process()?.stdin?.end(), CLOSING_MS);
  await browser.close().catch(() => {});
  clearTimeout(hangs);
}

function chromeOptions(gpu: Gpu) {
  const linux = process.platform === "linux";
  return {
    browser: "chrome" as const,
    // Unlike a port, it is open to this process alone.
    pipe: true,
    args: [
      // The sandbox does not run as root.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
      "--enable-unsafe-webgpu",
      ...(gpu === "software" ? ["--use-webgpu-adapter=swiftshader"] : []),
      ...(gpu === "hardware" && linux ? ["--enable-features=Vulkan", "--use-angle=vulkan"] : []),
      // A kernel that crashes the GPU process must not turn the GPU off for later ones.
      "--disable-gpu-process-crash-limit",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  };
}

async function firefoxOptions(gpu: Gpu) {
  return {
    browser: "firefox" as const,
    args: [],
    extraPrefsFirefox: { "dom.webgpu.enabled": true, "gfx.webgpu.ignore-blocklist": true },
    ...(gpu === "software" && { env: { ...process.env, ...(await softwareVulkan("firefox")) } }),
  };
}

function adapterAdvice(engine: BrowserEngine): string {
  if (process.platform !== "linux") return "update the browser and the graphics driver";
  return engine === "chrome"
    ? "update the browser, or install Debian's chromium, which brings a software adapter"
    : "install a Vulkan driver (Debian: mesa-vulkan-drivers)";
}

/** Opens pages of a browser, which may take their time. */
const newPageOf = (browser: Browser) => async (): Promise<Page> => {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
};

/** The browser's description of the default adapter (without a name in Firefox); null if there is none. */
async function adapterOf(newPage: () => Promise<Page>): Promise<AdapterDescription | null> {
  // WebGPU needs a secure context, which a page from this machine is, but about:blank is not.
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html").end("<!doctype html><title>WebGPU</title>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const page = await newPage();
  try {
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    return await page.evaluate(describeAdapter);
  } finally {
    await page.close();
    server.close();
    server.closeAllConnections();
  }
}

/** A profile folder that is removed with the browser, or at the latest when this process exits. */
function temporaryProfile(): { path: string; remove(): void } {
  stopOnSignal();
  const path = mkdtempSync(join(tmpdir(), "webgraft-browser-"));
  const remove = () => {
    process.off("exit", remove);
    try {
      rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    } catch {
      // A process of the browser may still be writing there. A temporary folder that stays is not worth a failed run.
    }
  };
  process.on("exit", remove);
  return { path, remove };
}

let stopping = false;

/** Makes signals end this process through `exit`, where puppeteer kills its browsers, unless others listen for them. */
function stopOnSignal(): void {
  if (stopping) return;
  stopping = true;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
    });
  }
}
