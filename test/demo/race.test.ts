import { afterAll, beforeAll, describe, expect, test } from "vitest";
import study from "../studies/recorded/race.json" with { type: "json" };
import { openSite, type Site, type SitePage } from "./site.ts";

/** So small that even an emulated GPU is quick. */
const TINY = "#/race?depth=8&images=64&testImages=64&epochs=2&batch=16&seeds=2";

describe.each(["chrome", "firefox"] as const)("%s", (engine) => {
  let site: Site;
  let page: SitePage;

  beforeAll(async () => {
    site = await openSite(engine);
    page = await site.open(TINY);
  });

  afterAll(() => site.close());

  const press = (name: string): Promise<void> => page.locator(`button ::-p-text(${name})`).click();
  const says = (text: string): Promise<unknown> =>
    page.waitForFunction((wanted) => document.body.innerText.includes(wanted), {}, text);
  const describes = (text: string): Promise<unknown> =>
    page.waitForSelector(`[role="img"][aria-label*="${text}"]`);

  test("draws the lanes and what the study recorded before anything runs", async () => {
    await describes("8 layers, 6 of them under 3 shortcuts");
    await describes("8 layers, 0 of them under 0 shortcuts");
    const cell = study.cells.find(({ depth, shortcuts }) => depth === 8 && shortcuts === "all")!;
    await describes(`Residual: ${(100 * cell.mean).toFixed(1)}\u00a0% with 8`);
    expect(await page.$$eval("polygon.band", (bands) => bands.length)).toBe(3);
    await says("parameters each");
  });

  test.each([
    [390, 844],
    [1440, 900],
  ])("has its button inside %i × %i", async (width, height) => {
    await page.setViewport({ width, height });
    const button = await page.waitForSelector("button ::-p-text(Race)");
    const box = await button!.boundingBox();
    expect(box!.y).toBeGreaterThan(0);
    expect(box!.y + box!.height).toBeLessThan(height);
  });

  test("says what the lanes take a drawing for", async () => {
    await press("Race");
    await press("Pause");
    await press("Step");
    await says("\u00a0% sure");
    await press("clear");
    await says("no guess yet");
    const pad = await (await page.waitForSelector("#pad"))!.boundingBox();
    const at = (x: number, y: number): Promise<void> =>
      page.mouse.move(pad!.x + x * pad!.width, pad!.y + y * pad!.height);
    await at(0.5, 0.2);
    await page.mouse.down();
    await at(0.5, 0.5);
    await at(0.5, 0.8);
    await page.mouse.up();
    await page.waitForFunction(() => !document.body.innerText.includes("no guess yet"));
    await describes("Pad: a drawing");
    await page.locator("[aria-label='Test image: 7']").click();
    await describes("Pad: a test image");
    await page.focus("#pad");
    await page.keyboard.press(" ");
    await says("no guess yet");
  });

  test("keeps a rate that was changed on the way in the address", async () => {
    await page.focus("input[type='range']");
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction(() => /rates=1-\d+-0\.005/.test(location.hash));
  });

  test("runs to a verdict, and shows the worst mistakes", async () => {
    await press("Go on");
    await says("Race again");
    await says("2\u00a0seeds, 64\u00a0test images, 8 layers, 64\u00a0training images.");
    await describes("Curves of accuracy by step, seed 2.");
    await page.locator("button ::-p-text(Look now)").click();
    await page.waitForSelector("[role='img'][aria-label^='Image of: ']");
    expect(site.complaints).toEqual([]);
  });
});
