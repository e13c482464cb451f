import { defineBrowserProvider } from "@vitest/browser";
import type { BrowserProviderOption, TestProject } from "vitest/node";
import { type GpuBrowser, launchBrowser } from "../../../src/cli/browser/browser.ts";
import type { BrowserEngine } from "../../../src/cli/engine/engines.ts";

/**
 * Runs test files in one page of a headless browser, found and started as the command line does it. A missing
 * browser or adapter fails the run before its first test.
 */
export function gpuBrowser(): BrowserProviderOption {
  return defineBrowserProvider({
    name: "puppeteer",
    providerFactory(project: TestProject) {
      const engine = project.config.browser.name as BrowserEngine;
      let running: Promise<GpuBrowser> | undefined;
      return {
        name: "puppeteer",
        // All files share one page and its device: the adapter may be the CPU.
        supportsParallelism: false,
        getCommandsContext: () => ({}),
        async openPage(_sessionId, url) {
          running ??= launchBrowser(engine).then((started) => {
            project.vitest.logger.log(`${project.name}: ${started.description}`);
            return started;
          });
          const page = await (await running).newPage();
          page.on("error", (error) => project.vitest.logger.error(`${project.name}: ${error.message}`));
          if (engine === "firefox") await page.evaluateOnNewDocument(tellSoon, 4);
          await page.goto(url);
        },
        async close() {
          const started = await running?.catch(() => undefined);
          await started?.close();
        },
      };
    },
  });
}

/**
 * Firefox notices finished work only every 100 ms and on each submit, but tests wait for hundreds of small steps one
 * after another. So in Firefox, this submits nothing to every device every few milliseconds.
 */
function tellSoon(everyMs: number): void {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    const device = await requestDevice.apply(this, args);
    const timer = setInterval(() => device.queue.submit([]), everyMs);
    device.lost.then(() => clearInterval(timer));
    return device;
  };
}
