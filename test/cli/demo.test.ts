import { fileURLToPath } from "node:url";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GpuBrowser, launchBrowser } from "../../src/cli/browser/browser.ts";

let server: ViteDevServer;
let started: GpuBrowser;
let page: Awaited<ReturnType<GpuBrowser["newPage"]>>;

beforeAll(async () => {
  const configFile = fileURLToPath(new URL("../../vite.config.ts", import.meta.url));
  server = await createServer({
    configFile,
    server: { port: 0, watch: null, ws: false },
    logLevel: "silent",
  });
  await server.listen();
  started = await launchBrowser("chrome");
  page = await started.newPage();
  await page.goto(server.resolvedUrls!.local[0]!);
  await page.waitForFunction("document.querySelector('select[name=topology]').options.length > 0");
});

afterAll(async () => {
  await started.close();
  await server.close();
});

/** Which of the controls that not all topologies have are shown. */
const shown = (): Promise<unknown> =>
  page.evaluate(
    "['backbone', 'weights', 'frozen', 'cache'].filter((id) => !document.getElementById(id).hidden).join(' ')",
  );
const fieldValue = (name: string): Promise<unknown> =>
  page.evaluate(`document.querySelector('[name=${name}]').value`);
const isDisabled = (selector: string): Promise<unknown> =>
  page.evaluate(`document.querySelector('${selector}').disabled`);
const choose = (name: string, value: string): Promise<unknown> => page.select(`select[name=${name}]`, value);

test("the form offers what a topology has", async () => {
  const seen: Record<string, unknown> = {};
  for (const topology of ["interleaved", "convnet", "sequential", "fusion", "features", "resnet", "vgg"]) {
    await choose("topology", topology);
    seen[topology] = await shown();
  }
  expect(seen).toEqual({
    interleaved: "",
    convnet: "",
    sequential: "backbone weights",
    fusion: "backbone weights",
    features: "backbone weights",
    resnet: "backbone weights",
    vgg: "backbone",
  });
});

test("pretrained weights can be frozen, and frozen ones need not run again", async () => {
  await choose("topology", "sequential");
  await page.evaluate("document.querySelector('select[name=weights]').selectedIndex = 1");
  await choose("topology", "resnet");
  expect(await shown()).toBe("backbone weights frozen");
  await page.click("[name=frozen]");
  expect(await shown()).toBe("backbone weights frozen cache");
  await choose("topology", "sequential"); // Its own first part trains.
  expect(await shown()).toBe("backbone weights frozen");
  await choose("topology", "features");
  await page.click("[name=cacheFeatures]");
  expect(await isDisabled("#augment input")).toBe(true);
  await page.click("[name=cacheFeatures]");
  await page.click("#augment input");
  expect(await isDisabled("[name=cacheFeatures]")).toBe(true);
  await choose("backbone", "resnet32");
  expect(await shown()).toBe("backbone");
});

test("the learning rate follows the optimizer until it is typed in", async () => {
  await choose("optimizer", "sgd");
  expect(await fieldValue("lr")).toBe("0.03");
  await page.evaluate("document.querySelector('[name=lr]').value = '0.5'");
  await choose("optimizer", "adam");
  expect(await fieldValue("lr")).toBe("0.5");
});
