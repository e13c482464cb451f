import { type GpuBrowser, launchBrowser } from "../../src/cli/browser/browser.ts";
import type { Engine } from "../../src/cli/engine/engines.ts";
import type { PageGlobals, Progress } from "./page/offer.ts";

/** Opens a page and returns its result for `settings`. */
export type Visit = <S, R>(url: string, settings: S) => Promise<R>;

/** Starts a browser with an empty profile for some visits. `description` names it and its adapter. */
export async function inBrowser<T>(
  engine: Engine,
  progress: Progress,
  use: (visit: Visit, description: string) => Promise<T>,
): Promise<T> {
  const started = await launchBrowser(engine);
  try {
    return await use((url, settings) => visitPage(started, url, settings, progress), started.description);
  } finally {
    await started.close();
  }
}

async function visitPage<S, R>(
  { browser, newPage }: GpuBrowser,
  url: string,
  settings: S,
  progress: Progress,
): Promise<R> {
  const page = await newPage();
  const { promise, resolve, reject } = deferred<R>();
  const fail = (reason: string): void => reject(new Error(reason));
  const onDisconnected = (): void => fail("the browser went away");
  page.on("error", (error) => fail(`the page crashed: ${error.message}`));
  page.on("pageerror", (error) => fail(error instanceof Error ? error.message : String(error)));
  browser.on("disconnected", onDisconnected);
  try {
    await page.exposeFunction("progress", progress);
    await page.exposeFunction("finish", resolve);
    await page.exposeFunction("fail", fail);
    await page.goto(url);
    await page.evaluate(
      (given) => (globalThis as unknown as PageGlobals<unknown, R>).start(given),
      settings as unknown,
    );
    return await promise;
  } finally {
    browser.off("disconnected", onDisconnected);
    await page.close().catch(() => {}); // A crashed page is gone already.
  }
}

function deferred<R>() {
  let resolve!: (result: R) => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<R>((...settle) => {
    [resolve, reject] = settle;
  });
  promise.catch(() => {}); // It may reject before it is awaited.
  return { promise, resolve, reject };
}
