import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSite, type Site, type SitePage } from "./site.ts";

const TINY = "depth=8&images=64&testImages=64&epochs=1&batch=16&seeds=1&lanes=plain.residual";

describe.each(["chrome", "firefox"] as const)("%s", (engine) => {
  let site: Site;
  let page: SitePage;

  beforeAll(async () => {
    site = await openSite(engine);
    page = await site.open(`#/race?${TINY}`);
  });

  afterAll(() => site.close());

  const press = (name: string): Promise<void> => page.locator(`button ::-p-text(${name})`).click();
  const says = (text: string): Promise<unknown> =>
    page.waitForFunction((wanted) => document.body.textContent?.includes(wanted), {}, text);
  const pixels = (of: string): Promise<unknown> =>
    page.evaluate(
      (selector) =>
        [...document.querySelectorAll<HTMLCanvasElement>(selector)]
          .map((canvas) => canvas.toDataURL())
          .join(),
      of,
    );

  test("says what is missing before a race", async () => {
    await page.evaluate((query) => {
      location.hash = `#/inspect?${query}`;
    }, TINY);
    await says("Start a race");
  });

  test("a lane is zoomed from the network to a layer, whose maps and filters follow the image", async () => {
    await page.evaluate((query) => {
      location.hash = `#/race?${query}`;
    }, TINY);
    await page.locator("button ::-p-text(Race)").click();
    await page.waitForFunction(() => document.body.textContent?.includes("Race again"));
    await page.evaluate((query) => {
      location.hash = `#/inspect?${query}`;
    }, TINY);
    for (const part of ["Stage 2", "Block 1", "Convolution 2"]) await press(part);
    await says("Stage 2, block 1, convolution 2");
    await says("14 × 14 pixels, 16 channels");
    await page.waitForSelector("figure canvas");
    expect(await page.$$eval("figure canvas", (maps) => maps.length)).toBe(16);
    const before = await pixels("figure canvas");
    await page.locator("[aria-label^='test image 2:']").click();
    await page.waitForFunction(
      (old) =>
        [...document.querySelectorAll<HTMLCanvasElement>("figure canvas")]
          .map((canvas) => canvas.toDataURL())
          .join() !== old,
      {},
      before as string,
    );
  });

  test("another lane has other weights", async () => {
    const before = await pixels("canvas.filters");
    await press("Residual");
    await page.waitForFunction(
      (old) => document.querySelector<HTMLCanvasElement>("canvas.filters")?.toDataURL() !== old,
      {},
      before as string,
    );
  });

  test("the heat map has a row for each layer and a column for each step", async () => {
    const size = await page.$eval(".heat canvas", (canvas) => [canvas.width, canvas.height]);
    expect(size).toEqual([4, 8]);
  });

  test("the memory plan names its tensors", async () => {
    const titles = await page.$$eval(".plan title", (all) => all.map(({ textContent }) => textContent));
    expect(titles.some((title) => title?.startsWith("layer1.0.conv1"))).toBe(true);
  });

  test("test images are counted by class and guess", async () => {
    await press("Test now");
    await page.waitForSelector(".confusion td.right");
    const counts = await page.$$eval(".confusion tbody td", (cells) =>
      cells.map(({ textContent }) => Number(textContent)),
    );
    expect(counts.length).toBe(100);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(64);
  });

  test("kernels are timed by the GPU, or it says why not", async () => {
    await press("Measure");
    await page.waitForFunction(() => /by the GPU's clock|Not measured/.test(document.body.textContent ?? ""));
  });

  test("what was asked for stays while the lanes learn on", async () => {
    const other = await site.open(`#/race?${TINY.replace("epochs=1", "epochs=100")}`);
    const step = (): Promise<number> =>
      other.evaluate(() => Number(/step (\d+)/.exec(document.title)?.[1] ?? 0));
    const past = (wanted: number): Promise<unknown> =>
      other.waitForFunction((n) => Number(/step (\d+)/.exec(document.title)?.[1]) > n, {}, wanted);
    await other.locator("button ::-p-text(Race)").click();
    await past(2);
    await other.evaluate(() => {
      location.hash = location.hash.replace("race", "inspect");
    });
    await other.locator("button ::-p-text(Test now)").click();
    await other.waitForSelector(".confusion");
    await past((await step()) + 5);
    expect(await other.$(".confusion")).not.toBeNull();
    await other.close();
  });

  test("nothing was complained about", () => {
    expect(site.complaints).toEqual([]);
  });
});
