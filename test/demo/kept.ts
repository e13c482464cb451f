/** What a page keeps in its browser, read past the page. */
import type { RunRecord } from "../../demo/runs/run.ts";
import type { SitePage } from "./site.ts";

/** All of a store of the page's data base, which must be there: opening it would make an empty one. */
const read = (page: SitePage, store: string): Promise<unknown> =>
  page.evaluate(
    `new Promise((resolve) => {
      const opening = indexedDB.open("webgraft");
      opening.onsuccess = () => {
        const all = opening.result.transaction("${store}").objectStore("${store}").getAll();
        all.onsuccess = () => {
          opening.result.close();
          resolve(all.result);
        };
      };
    })`,
  );

/** The run that began last, once the page has said that it is done. */
export async function newestRun(page: SitePage): Promise<RunRecord> {
  for (;;) {
    const title = await page.title();
    if (title === "Webgraft · done") break;
    if (title === "Webgraft · failed") throw new Error(`${await page.evaluate("document.body.innerText")}`);
    await pause();
  }
  const kept = (await read(page, "records")) as RunRecord[];
  return kept.sort((a, b) => a.date.localeCompare(b.date)).at(-1)!;
}

/** Waits until a race could be gone on with. */
export async function untilKept(page: SitePage): Promise<void> {
  while (((await read(page, "open")) as unknown[]).length === 0) {
    await pause();
  }
}

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200));
