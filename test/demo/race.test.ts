import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openSite, type Site } from "./site.ts";

/** So small that even an emulated GPU is quick. */
const TINY = "#/race?depth=8&images=64&testImages=64&epochs=2&batch=16&seeds=2";

describe.each(["chrome", "firefox"] as const)("%s", (engine) => {
  let site: Site;

  beforeAll(async () => {
    site = await openSite(engine);
  });

  afterAll(() => site.close());

  test("a race runs to a verdict", async () => {
    const page = await site.open(TINY);
    await page.locator("button ::-p-text(Race)").click();
    await page.waitForFunction("document.body.textContent.includes('plain against')");
    expect(site.complaints).toEqual([]);
    await page.close();
  });
});
