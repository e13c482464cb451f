/** The page as a whole: its size, its memory over many steps, and whether everybody can use it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { places } from "../../demo/app/address.ts";
import { axe, violations } from "./axe.ts";
import { newestRun } from "./kept.ts";
import { openSite, type Site, type SitePage } from "./site.ts";

const TINY = "depth=8&images=32&testImages=16&epochs=1&batch=16&seeds=1";

/** 400 steps. */
const LONG = "#/race?depth=8&images=16&testImages=16&epochs=50&batch=2&seeds=1&lanes=plain.residual";

let site: Site;

beforeAll(async () => {
  site = await openSite("chrome");
});

afterAll(() => site.close());

test("the page is small", () => {
  // The documentation is kept only by those who read it, and has bounds of its own.
  const files = readdirSync(site.folder, { recursive: true, encoding: "utf8" }).filter(
    (file) => statSync(join(site.folder, file)).isFile() && !file.startsWith("docs/"),
  );
  // The worker loads while the page is read already.
  const scripts = files.filter((file) => file.endsWith(".js") && !/worker/.test(file));
  const zipped = scripts.map((file) => gzipSync(readFileSync(join(site.folder, file))).length);
  expect(zipped.reduce((sum, bytes) => sum + bytes)).toBeLessThan(120_000);
  const sizes = files.map((file) => statSync(join(site.folder, file)).size);
  expect(sizes.reduce((sum, bytes) => sum + bytes)).toBeLessThan(25_000_000);
});

/** Bytes of the page's own heap, and the nodes of its documents, once all that can go has gone. */
async function held(page: SitePage): Promise<{ bytes: number; nodes: number; listeners: number }> {
  const session = await page.createCDPSession();
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes, jsEventListeners } = await session.send("Memory.getDOMCounters");
  await session.detach();
  return { bytes: usedSize, nodes, listeners: jsEventListeners };
}

test("300 steps leave the page as it was, but for what it records", async () => {
  const page = await site.open(LONG);
  await page.keyboard.press(" ");
  const at = async (step: number) => {
    await page.waitForFunction(`Number(/step (\\d+)/.exec(document.title)?.[1]) >= ${step}`);
    return held(page);
  };
  const before = await at(100);
  const after = await at(400);
  // A step keeps two losses and eighteen gradients; 0.3 MB would be 1,000 bytes a step.
  expect(after.bytes - before.bytes).toBeLessThan(300 * 2_000);
  expect(after.nodes - before.nodes).toBeLessThan(100);
  expect(after.listeners - before.listeners).toBeLessThan(20);
  await page.close();
});

test.each(["light", "dark"])("axe finds no violation, %s", async (scheme) => {
  const page = await site.open(`#/race?${TINY}`);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.evaluate(axe);
  const seen: Record<string, unknown> = {};
  const look = async (state: string): Promise<void> => {
    for (const place of places) {
      await page.evaluate(`document.querySelector('nav a[href^="#/${place}"]').click()`);
      await page.waitForSelector("main h1");
      for (const width of [390, 820, 1440]) {
        await page.setViewport({ width, height: 900 });
        const found = await violations(page);
        if (found.length > 0) seen[`${place}, ${state}, ${width} px`] = found;
      }
    }
  };
  await look("idle");
  await page.evaluate("document.querySelector('nav a').click()");
  await page.keyboard.press(" ");
  await newestRun(page);
  await look("done");
  await page.keyboard.press(",");
  const drawer = await violations(page);
  expect({ ...seen, ...(drawer.length > 0 && { drawer }) }).toEqual({});
  await page.close();
});

test("nobody has complained", () => expect(site.complaints).toEqual([]));
