/** The documentation in a browser: how it reads, searches, runs a kernel, and works without a network. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { axe, violations } from "./axe.ts";
import { openSite, type Site, type SitePage } from "./site.ts";

/** One of each kind. */
const PAGES = [
  "index.html",
  "train.html",
  "kernels.html",
  "kernel-conv2d_forward.html",
  "api.html",
  "api-prediction.html",
];

let site: Site;

beforeAll(async () => {
  site = await openSite("chrome");
});

afterAll(() => site.close());

const says = (page: SitePage, selector: string, text: RegExp): Promise<unknown> =>
  page.waitForFunction(`${text}.test(document.querySelector(${JSON.stringify(selector)})?.textContent)`);

test("is small", () => {
  const folder = join(site.folder, "docs");
  const sizes = readdirSync(folder).map((file) => statSync(join(folder, file)).size);
  expect(sizes.reduce((sum, bytes) => sum + bytes)).toBeLessThan(5_000_000);
});

test("no page is wider than a phone", async () => {
  const page = await site.open();
  await page.setViewport({ width: 390, height: 844 });
  const all = readdirSync(join(site.folder, "docs")).filter((file) => file.endsWith(".html"));
  const kernels = all.filter((file) => file.startsWith("kernel-"));
  // Of kernels, those with the longest names and neighbours.
  const short = new Set(kernels.toSorted((a, b) => b.length - a.length).slice(8));
  const files = all.filter((file) => !short.has(file));
  const wide: string[] = [];
  for (const file of files) {
    await page.goto(`${site.url}docs/${file}`, { waitUntil: "domcontentloaded" });
    if (await page.evaluate("document.documentElement.scrollWidth > innerWidth")) wide.push(file);
  }
  expect(wide).toEqual([]);
  await page.close();
});

test.each(["light", "dark"])("axe finds no violation, %s", async (scheme) => {
  const page = await site.open("docs/index.html");
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  const seen: Record<string, unknown> = {};
  for (const path of PAGES) {
    await page.goto(`${site.url}docs/${path}`);
    await page.evaluate(axe);
    for (const width of scheme === "light" ? [390, 1440] : [1440]) {
      await page.setViewport({ width, height: 900 });
      const found = await violations(page);
      if (found.length > 0) seen[`${path}, ${width} px`] = found;
    }
  }
  expect(seen).toEqual({});
  await page.close();
});

test("a kernel runs against the reference, and is timed", async () => {
  const page = await site.open("docs/kernel-softmax_forward.html");
  await page.locator("[data-run=check]").click();
  await says(page, ".run .status", /^(Right|Wrong|It failed)/);
  expect(await page.$eval(".run .status", ({ textContent }) => textContent)).toMatch(
    /^Right, on .*emulated by the CPU/,
  );
  expect(await page.$$eval(".run td.right", ({ length }) => length)).toBeGreaterThan(2);
  await page.goto(`${site.url}docs/kernel-global_avg_pool_forward.html`);
  await page.locator("[data-run=time]").click();
  await says(page, ".run .status", /^(Measured|On this adapter|It failed)/);
  expect(await page.$eval(".run .results", ({ textContent }) => textContent)).toMatch(/[\d.]+ ms.*GB\/s/);
  await page.locator("[data-run=check]").click();
  await page.locator("[data-run=cancel]").click();
  await says(page, ".run .status", /^Cancelled/);
  await page.close();
});

test("without WebGPU a kernel's page says so", async () => {
  const noGpu = "delete Object.getPrototypeOf(navigator).gpu;";
  const page = await site.open("docs/kernel-softmax_forward.html", noGpu);
  await says(page, ".run .status", /no WebGPU/);
  expect(await page.$$eval(".run button:not([disabled], [hidden])", ({ length }) => length)).toBe(0);
  await page.close();
});

test("names are found as one types", async () => {
  const page = await site.open("docs/index.html");
  await page.keyboard.press("/");
  await page.waitForSelector("dialog.search[open]");
  await page.keyboard.type("trainer fit");
  await says(page, "dialog.search li strong", /Trainer\.fit/);
  await page.evaluate(axe);
  expect(await violations(page)).toEqual([]);
  await page.keyboard.press("Enter");
  await page.waitForFunction("location.hash === '#Trainer.fit'");
  await page.close();
});

test("nobody has complained", () => expect(site.complaints).toEqual([]));

test("who has read one page reads all of them offline", async () => {
  const page = await site.open("docs/train.html");
  await page.waitForFunction("document.documentElement.dataset.kept === 'all'");
  await site.disconnect();
  const files = JSON.parse(readFileSync(join(site.folder, "docs/files.json"), "utf8")) as string[];
  for (const path of ["train.html", "kernel-adam.html", "api-training.html"]) {
    expect(files).toContain(path);
    await page.goto(`${site.url}docs/${path}`);
    expect(await page.$eval("main h1", ({ textContent }) => textContent)).not.toBe("");
  }
  await page.keyboard.press("/");
  await page.waitForSelector("dialog.search[open]");
  await page.close();
});
