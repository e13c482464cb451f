import { defineBrowserProvider } from "@vitest/browser";
import type { BrowserProviderOption, TestProject } from "vitest/node";
import { type GpuBrowser, launchBrowser } from "../../../src/cli/browser/browser.ts";
import type { Engine } from "../../../src/cli/browser/find-browser.ts";

/**
 * Runs test files in one page of a headless browser, found and started as the command line does it. A missing
 * browser or adapter fails the run before its first test.
 */
export function gpuBrowser(): BrowserProviderOption {
  return defineBrowserProvider({
    name: "puppeteer",
    providerFactory(project: TestProject) {
      const engine = project.config.browser.name as Engine;
      let running: Promise<GpuBrowser> | undefined;
      return {
        name: "puppeteer",
        // All files share one page and its device: the adapter may well be the CPU.
        supportsParallelism: false,
        getCommandsContext: () => ({}),
        async openPage(_sessionId, url) {
          running ??= launchBrowser(engine).then((started) => {
            project.vitest.logger.log(`${project.name}: ${started.description}`);
            return started;
          });
          const { browser } = await running;
          const page = await browser.newPage();
          page.on("error", (error) => project.vitest.logger.error(`${project.name}: ${error.message}`));
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
