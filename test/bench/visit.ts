import { launchBrowser } from "../../src/cli/browser.ts";
import type { Engine } from "../../src/cli/find-browser.ts";
import type { PageGlobals, Progress } from "./page/offer.ts";

export interface Visit<R> {
  readonly result: R;
  /** The browser and its adapter. */
  readonly browser: string;
}

/** Opens a page in a browser of its own, and gives what the page makes of `settings`. */
export async function visit<S, R>(
  engine: Engine,
  url: string,
  settings: S,
  progress: Progress,
): Promise<Visit<R>> {
  const { browser, description, close } = await launchBrowser(engine);
  try {
    const page = await browser.newPage();
    await page.exposeFunction("progress", progress);
    const result = new Promise<R>((resolve, reject) => {
      const fail = (reason: string): void => reject(new Error(reason));
      page.on("error", (error) => fail(`the page crashed: ${error.message}`));
      page.on("pageerror", (error) => fail(error instanceof Error ? error.message : String(error)));
      browser.on("disconnected", () => fail("the browser went away"));
      page.exposeFunction("finish", resolve).catch(reject);
      page.exposeFunction("fail", fail).catch(reject);
    });
    result.catch(() => {}); // Awaited below, when the page is there.
    await page.goto(url);
    await page.evaluate(
      (given) => (globalThis as unknown as PageGlobals<unknown, R>).start(given),
      settings as unknown,
    );
    return { result: await result, browser: description };
  } finally {
    browser.off("disconnected");
    await close();
  }
}
