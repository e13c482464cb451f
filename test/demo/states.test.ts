import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EMULATED } from "../../demo/app/words.ts";
import type { RunRecord } from "../../demo/runs/run.ts";
import { newestRun, untilKept } from "./kept.ts";
import { openSite, type Site, type SitePage } from "./site.ts";

/** A run of twelve steps, in which the rate was changed by hand once. */
const LINK = "#/race?depth=8&images=32&testImages=64&epochs=3&batch=8&seeds=1&rates=1-5-0.0005";

const NO_GPU = 'Object.defineProperty(Navigator.prototype, "gpu", { get: () => undefined });';

/** Presses a key as if nothing had the focus. */
const press = (page: SitePage, key: " " | "s" | "d" | "," | "?" | "2"): Promise<void> =>
  page.keyboard.press(key);

const title = (page: SitePage, text: RegExp): Promise<unknown> =>
  page.waitForFunction(`${text}.test(document.title)`);

const bodyHas = (page: SitePage, text: string): Promise<unknown> =>
  page.waitForFunction(`document.body.innerText.includes(${JSON.stringify(text)})`);

const click = (page: SitePage, button: string): Promise<void> =>
  page.locator(`button ::-p-text(${button})`).click();

/** What must be the same, bit for bit. */
const losses = ({ seeds }: RunRecord) =>
  seeds.map(({ steps, result }) => ({
    losses: steps.map((at) => at.losses),
    accuracies: result?.accuracies,
  }));

describe.each(["chrome", "firefox"] as const)("%s", (engine) => {
  let site: Site;
  let uninterrupted: RunRecord;

  beforeAll(async () => {
    site = await openSite(engine);
    const page = await site.open(LINK);
    await press(page, " ");
    uninterrupted = await newestRun(page);
    await page.close();
  });

  afterAll(() => site.close());

  test("a link reproduces a run, after a reload in its middle too", async () => {
    const page = await site.open(LINK);
    await press(page, " ");
    await title(page, /step [3-9]/);
    await press(page, " ");
    await untilKept(page);
    await page.reload();
    await bodyHas(page, "of seed 1?");
    await click(page, "Go on");
    const again = await newestRun(page);
    expect(losses(again)).toEqual(losses(uninterrupted));
    const [{ steps }] = again.seeds as [RunRecord["seeds"][0]];
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    // One cycle, of which the height falls to a sixth.
    expect(steps[4]!.rate).toBeLessThan(steps[3]!.rate / 3);
    await page.close();
  });

  test.runIf(engine === "chrome")("a race outlives a crash of the GPU process", async () => {
    const page = await site.open(LINK);
    await press(page, " ");
    await title(page, /step [3-9]/);
    const pictures = (): Promise<string[]> =>
      page.$$eval("#pad, .picture", (all) => all.map((each) => (each as HTMLCanvasElement).toDataURL()));
    const before = await pictures();
    expect(before.length).toBe(11); // The pad, and a test image of each class.
    const browser = await site.started.browser.target().createCDPSession();
    await browser.send("Browser.crashGpuProcess");
    await bodyHas(page, "The GPU was lost.");
    expect(losses(await newestRun(page))).toEqual(losses(uninterrupted));
    expect(await pictures()).toEqual(before);
    await page.close();
  });

  // Firefox does not tell.
  test.runIf(engine === "chrome")("what an emulated GPU is for is said before a race on one", async () => {
    const page = await site.open("#/race");
    await bodyHas(page, EMULATED);
    await page.close();
  });

  test("a race that is kept can be discarded", async () => {
    const page = await site.open(LINK);
    await press(page, " ");
    await title(page, /step \d/);
    await press(page, " ");
    await untilKept(page);
    await page.reload();
    await click(page, "Discard it");
    await page.waitForFunction("!document.body.innerText.includes('Discard it')");
    await page.reload();
    await title(page, /Race/);
    await page.evaluate("navigator.locks.request('webgraft race', () => {})");
    expect(await page.evaluate("document.body.innerText")).not.toContain("of seed 1?");
    await page.close();
  });

  test("a race that was stopped has ended", async () => {
    const page = await site.open(LINK);
    await press(page, " ");
    await title(page, /step \d/);
    await press(page, " "); // Which keeps it as far as it is.
    await page.waitForFunction("document.body.innerText.includes('Go on')");
    await click(page, "Stop");
    await title(page, /stopped/);
    await page.reload();
    await title(page, /Race/);
    await page.evaluate("navigator.locks.request('webgraft race', () => {})");
    expect(await page.evaluate("document.body.innerText")).not.toContain("of seed 1?");
    await page.close();
  });

  test("without WebGPU a recorded race replays", async () => {
    const page = await site.open("", NO_GPU);
    await bodyHas(page, "No race can run here.");
    await bodyHas(page, "not on your GPU");
    await bodyHas(page, "a replay does not guess");
    expect(await page.$$("input[type=range]")).toEqual([]);
    await title(page, /seed 1 of \d, step [2-9]/);
    await press(page, " ");
    await bodyHas(page, "Go on");
    const held = await page.title();
    await press(page, "s");
    await page.waitForFunction(`document.title !== ${JSON.stringify(held)}`);
    await page.close();
  });

  test("keys do what the help says", async () => {
    const page = await site.open(LINK);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await press(page, "?");
    await page.waitForSelector("dialog[open] ::-p-text(one step of all lanes)");
    await press(page, ","); // The dialog has the keys.
    await page.keyboard.press("Escape");
    await press(page, ",");
    await page.waitForSelector("dialog[open] ::-p-text(Settings of the race)");
    await page.keyboard.press("Escape");
    await press(page, "2");
    await page.waitForFunction("document.activeElement.textContent === 'Inspect'");
    expect(await page.evaluate("location.hash")).toMatch(/^#\/inspect/);
    expect(await page.title()).toBe("Webgraft · Inspect");
    await page.close();
  });

  test("the drawer refuses with the reason, and takes over what is allowed", async () => {
    const page = await site.open();
    await click(page, "Settings");
    const enter = async (text: string): Promise<void> => {
      await page.focus("#set-depth");
      await page.evaluate("document.activeElement.select()");
      await page.keyboard.type(text);
      await page.keyboard.press("Tab");
    };
    await enter("9");
    await bodyHas(page, "“9” is not allowed: 6n + 2 layers from 8 to 110");
    expect(await page.evaluate("location.hash")).toBe("#/race");
    await enter("8");
    await page.waitForFunction("location.hash === '#/race?depth=8'");
    expect(await page.evaluate("document.body.innerText")).not.toContain("is not allowed");
    await click(page, "Restore the defaults");
    await page.waitForFunction("location.hash === '#/race'");
    await page.close();
  });

  test("a link that asks for what there is not says what there is", async () => {
    const page = await site.open("#/race?depth=9");
    await bodyHas(page, "“depth=9”: 6n + 2 layers from 8 to 110");
    await page.close();
  });

  test("nobody has complained", () => expect(site.complaints).toEqual([]));

  test("a new version waits until no tab has the one before", async () => {
    const cached = (page: SitePage, versions: number): Promise<unknown> =>
      page.waitForFunction(`caches.keys().then(({ length }) => length === ${versions})`);
    const page = await site.open();
    await page.evaluate("navigator.serviceWorker.ready.then(() => {})");
    await cached(page, 1);
    const path = join(site.folder, "service-worker.js");
    const worker = readFileSync(path, "utf8");
    expect(worker).toMatch(/VERSION="\w+"/);
    writeFileSync(path, worker.replace(/VERSION="\w+"/, 'VERSION="another"'));
    await page.reload();
    await bodyHas(page, "A newer version of this page is here");
    await cached(page, 2);
    await page.close();
    // A browser takes its time to notice that a tab has gone, and what opens meanwhile keeps the version before.
    const afterwards = async (): Promise<unknown> => {
      const later = await site.open();
      const names = await later.evaluate("caches.keys()");
      await later.close();
      return names;
    };
    await expect
      .poll(afterwards, { timeout: 60_000, interval: 1_000 })
      .toEqual([expect.stringMatching(/ another$/)]);
  });

  test("after the first visit the page works offline", async () => {
    const page = await site.open(LINK);
    await page.evaluate("navigator.serviceWorker.ready.then(() => {})");
    await page.reload(); // A page that the worker answers for from its beginning.
    await press(page, " ");
    await newestRun(page); // Its data are kept.
    await site.disconnect();
    await page.reload();
    await press(page, " ");
    expect(losses(await newestRun(page))).toEqual(losses(uninterrupted));
    await page.evaluate("location.hash = '#/compare'");
    await page.waitForSelector("h1 ::-p-text(Compare)");
    await page.close();
  });
});
