import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { createServer } from "vite";
import { launchBrowser } from "../../src/cli/browser/browser.ts";
import { dataFiles } from "../../src/cli/data/data-files.ts";
import type { BrowserEngine } from "../../src/cli/engine/engines.ts";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** The functions of page.ts: run trials one after the other, report each, and resolve to the adapter. */
type PageFunction = (trials: readonly unknown[], ...more: unknown[]) => Promise<string>;

interface PageGlobals extends Record<string, unknown> {
  report(index: number, outcome: unknown): void;
  finish(adapter: string): void;
  fail(reason: string): void;
}

export interface Browser {
  /** Name, version and kind of adapter, for display. */
  readonly browser: string;
  readonly adapter: string;
}

/**
 * Runs trials in a page with the function of page.ts that has this name, which gets `trials` and `more`. `onOutcome` is
 * called after each, with its index and the browser.
 */
export async function runInPage<O>(
  engine: BrowserEngine,
  name: "transfer" | "depth",
  [trials, ...more]: Parameters<PageFunction>,
  onOutcome: (index: number, outcome: O, browser: string) => void,
): Promise<Browser> {
  const server = await createServer({
    configFile: false,
    root: fileURLToPath(new URL(".", import.meta.url)),
    plugins: [dataFiles()],
    resolve: { alias: { webgraft: `${repository}src/index.ts` } },
    server: { port: 0, watch: null, ws: false, cors: false, fs: { allow: [repository] } },
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
  });
  const { port } = (await server.listen()).httpServer!.address() as AddressInfo;
  const started = await launchBrowser(engine);
  const browser = started.description;
  try {
    const page = await started.newPage();
    // One call into the page must not take longer than puppeteer's protocol timeout, so the page reports its end.
    const adapter = new Promise<string>((resolve, reject) => {
      const fail = (reason: string): void => reject(new Error(reason));
      page.on("error", (error) => fail(`the page crashed: ${error.message}`));
      page.exposeFunction("finish", resolve).catch(reject);
      page.exposeFunction("fail", fail).catch(reject);
    });
    await page.exposeFunction("report", (i: number, outcome: O) => onOutcome(i, outcome, browser));
    await page.goto(`http://localhost:${port}/`);
    await page.evaluate(
      (name, list, rest) => {
        const { report, finish, fail, ...functions } = globalThis as unknown as PageGlobals;
        (functions[name] as PageFunction)(list, ...rest, report).then(finish, (error: Error) =>
          fail(error.message),
        );
      },
      name,
      trials,
      more,
    );
    return { browser, adapter: await adapter };
  } finally {
    await Promise.all([started.close(), server.close()]);
  }
}
