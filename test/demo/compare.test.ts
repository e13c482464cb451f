import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeRun } from "../../demo/runs/file.ts";
import { madeRuns } from "./made-runs.ts";
import { openSite, type Site, type SitePage } from "./site.ts";

/** Takes what the page saves and copies in place of the browser. */
const SAVING = `
  window.saved = [];
  window.copied = "";
  URL.createObjectURL = (blob) => (saved.push(blob), "#");
  const { click } = HTMLAnchorElement.prototype;
  HTMLAnchorElement.prototype.click = function () {
    if (!this.download) click.call(this);
  };
  navigator.clipboard.writeText = async (text) => { copied = text; };
`;

const button = (name: string): string => `::-p-aria([name="${name}"][role="button"])`;

/** How the runs are called on the page, but for their dates. */
const [DEPTH_8, DEPTH_50] = [8, 50].map((depth) => `MNIST · ${depth}\u00a0layers · 1,000\u00a0images`);

describe.each(["chrome", "firefox"] as const)("Compare in %s", (engine) => {
  const folder = mkdtempSync(join(tmpdir(), "webgraft-runs-"));
  let site: Site;
  let page: SitePage;

  const fileOf = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const open = async (...paths: readonly string[]): Promise<void> => {
    const input = await page.waitForSelector("input[type=file]");
    await (input as unknown as { uploadFile(...paths: readonly string[]): Promise<void> }).uploadFile(
      ...paths,
    );
  };
  const until = (condition: string) => page.waitForFunction(condition, { polling: 100 });
  const titles = () =>
    page.evaluate(`[...document.querySelectorAll(".runs .choice")].map((run) => run.textContent)`);
  const click = async (name: string): Promise<void> => {
    await page.locator(button(name)).click();
  };
  /** The rows of the table, without its head. */
  const table = () =>
    page.evaluate(
      `[...document.querySelectorAll("section[aria-label='What differs'] tbody tr")].map((row) =>
        [...row.children].map((cell) => cell.textContent))`,
    ) as Promise<string[][]>;

  beforeAll(async () => {
    site = await openSite(engine);
    page = await site.open("#/compare", SAVING);
  });

  afterAll(async () => {
    expect(site.complaints).toEqual([]);
    await site.close();
    rmSync(folder, { recursive: true });
  });

  test("says what will be here, and leads to the race", async () => {
    await until("document.body.textContent.includes('Every race is kept here')");
    expect(await page.$eval("main a[href^='#/race']", (link) => link.textContent)).toBe("Run a race");
  });

  test("refuses a broken file by its name, and keeps nothing of it", async () => {
    await open(fileOf("broken.json", writeRun(madeRuns[0]!).replace('"depth":8', '"depth":9')));
    await until("document.querySelector('[role=alert]').textContent.includes('broken.json')");
    const text = await page.$eval("[role=alert]", (alert) => alert.textContent);
    expect(text).toBe("Open a run: broken.json has settings that no race can have — got depth=9");
  });

  test("opens runs from files, and shows what differs and nothing else", async () => {
    await open(...madeRuns.slice(0, 2).map((run) => fileOf(`${run.id}.json`, writeRun(run))));
    await until("document.querySelectorAll('.comparison thead th').length === 2");
    expect(await titles()).toEqual([DEPTH_50, DEPTH_8]);
    const rows = await table();
    expect(rows.map(([name]) => name)).toEqual([
      "Depth",
      "Plain",
      "Grafted",
      "Residual",
      "Verdict",
      "GPU",
      "Raced",
    ]);
    expect(rows[0]).toEqual(["Depth", "50\u00a0layers", "8\u00a0layers"]);
    expect(rows[3]).toEqual(["Residual", "92.0 % [89.5, 94.5]", "67.0 % [64.5, 69.5]"]);
    expect(rows[4]![1]).toContain("Residual against Plain: ahead by 66.3 points");
  });

  test("reads the curves at the step that the keys go to", async () => {
    const value = () => page.$eval(".legend tbody tr td", (cell) => cell.textContent);
    const last = await value();
    await page.focus("input[type=range]");
    await page.keyboard.press("Home");
    await until("document.querySelector('.step').textContent.includes('Step 1 of 8')");
    expect(await value()).toBe("–");
    await page.keyboard.press("End");
    await until("document.querySelector('.step').textContent.includes('Step 8 of 8')");
    expect(await value()).toBe(last);
  });

  test("keeps pins and colours over a reload; pinned runs come first", async () => {
    const pin = `document.querySelectorAll(".runs li")[1].querySelector("[aria-pressed]")`;
    await page.evaluate(`${pin}.focus()`);
    await page.keyboard.press("Enter");
    await until(`document.querySelector(".runs .choice").textContent === "${DEPTH_8}"`);
    // The button has moved with its run, and still has the focus.
    await until(`document.activeElement === document.querySelector(".runs [aria-pressed]")`);
    await page.focus(".runs summary");
    await page.keyboard.press("Enter");
    await page.focus(".runs li input[type=radio]:checked");
    await page.keyboard.press("ArrowDown");
    await until(`document.querySelector(".runs summary").ariaLabel.endsWith("Pink, square")`);
    await page.reload();
    await until(`document.querySelectorAll(".runs li").length === 2`);
    expect(await titles()).toEqual([DEPTH_8, DEPTH_50]);
    expect(await page.$eval(".runs summary", (mark) => mark.getAttribute("aria-label"))).toMatch(
      /Pink, square$/,
    );
  });

  test("writes CSV, Markdown, a picture and the file of a run", async () => {
    await until("document.querySelectorAll('.comparison thead th').length === 2");
    await click("Save as CSV");
    await until("saved.length === 1");
    const csv = (await page.evaluate("saved[0].text()")) as string;
    expect(csv.split("\r\n")).toHaveLength(1 + 2 * 72 + 1);
    expect(csv).toContain("\r\n1,2026-11-24T09:00:00.000Z,depth=8&seeds=3,plain,1,1,0.003,");
    await click("Copy as Markdown");
    await until("copied !== ''");
    const lines = ((await page.evaluate("copied")) as string).split("\n");
    expect(lines[0]).toBe("|  | 8 layers | 50 layers |");
    expect(lines[2]).toBe("| Depth | 8 layers | 50 layers |");
    await click("Save picture");
    await until("saved.length === 2");
    expect(await page.evaluate("saved[1].type")).toBe("image/png");
    expect(await page.evaluate("createImageBitmap(saved[1]).then(({ height }) => height > 500)")).toBe(true);
    await page.evaluate(`document.querySelector("[aria-label^='Save as file']").click()`);
    await until("saved.length === 3");
    expect(JSON.parse((await page.evaluate("saved[2].text()")) as string)).toEqual(
      JSON.parse(writeRun(madeRuns[0]!)),
    );
  });

  test("puts back what was removed, after a reload too", async () => {
    await click("Remove all that are not pinned (1)");
    await until(`document.querySelectorAll(".runs li").length === 1`);
    await until(`document.activeElement.textContent === "Put back"`);
    await page.reload();
    await until("document.body.textContent.includes('Removed: MNIST · 50')");
    await click("Put back");
    await until(`document.querySelectorAll(".runs li").length === 2`);
    await page.evaluate(`document.querySelector("[aria-label^='Remove MNIST · 50']").click()`);
    await click("Remove for good");
    await until("!document.body.textContent.includes('Removed:')");
    await page.reload();
    await until(`document.querySelectorAll(".runs li").length === 1`);
    expect(await page.$$eval(".removed", (lines) => lines.length)).toBe(0);
  });

  test("says that the storage is full, and goes on", async () => {
    await page.evaluate(`window.put = IDBObjectStore.prototype.put;
      IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError"); };
      document.querySelector(".runs [aria-pressed]").click();`);
    await until(
      "document.querySelector('[role=alert]').textContent.includes('storage for this page is full')",
    );
    await page.evaluate("IDBObjectStore.prototype.put = put;");
    await page.evaluate(`document.querySelector(".runs [aria-pressed]").click()`);
    await until(`document.querySelector(".runs [aria-pressed]").textContent === "Pin"`);
    expect(await page.$eval("[role=alert]", (alert) => alert.textContent)).toBe("");
  });

  test("hears of runs that are kept elsewhere, and leads back to their settings", async () => {
    const other = await site.open("#/compare", SAVING);
    const input = await other.waitForSelector("input[type=file]");
    const path = fileOf("c.json", writeRun(madeRuns[2]!));
    await (input as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(path);
    await until(`document.querySelectorAll(".runs li").length === 2`);
    await other.close();
    await page.evaluate(`document.querySelectorAll(".runs .actions a")[1].click()`);
    await until("location.hash.startsWith('#/race')");
    expect(await page.evaluate("location.hash")).toBe(
      "#/race?depth=50&batchNorm=no&lanes=plain.residual&seeds=2",
    );
  });

  test.runIf(engine === "chrome")("a race is kept seed by seed, and stays pinned", async () => {
    const race = await site.open("#/race?depth=8&images=64&testImages=64&epochs=2&batch=16&seeds=2");
    await race.locator("button ::-p-text(Race)").click();
    await page.evaluate("location.hash = '#/compare'");
    const raced = `[...document.querySelectorAll(".runs li")].find((run) => run.textContent.includes("· 64"))`;
    await until(`${raced}?.textContent.includes("1 of 2")`);
    await page.evaluate(`${raced}.querySelector("[aria-pressed]").click()`);
    await until(`${raced}.textContent.includes("· 2\u00a0seeds")`);
    expect(await page.evaluate(`${raced}.querySelector("[aria-pressed]").ariaPressed`)).toBe("true");
    await race.close();
  });
});
