import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type GpuBrowser, launchBrowser } from "../../src/cli/browser/browser.ts";

const outDir = mkdtempSync(join(tmpdir(), "webgraft-demo-"));
let server: PreviewServer;
let started: GpuBrowser;
let page: Awaited<ReturnType<GpuBrowser["newPage"]>>;
/** How often functions had been called by the time that the page was ready. */
const calls = new Map<string, number>();

/** Opens the page, after a script of the test's own. */
async function open(script = ""): Promise<typeof page> {
  const page = await started.newPage();
  await page.evaluateOnNewDocument(
    `window.violations = [];
    addEventListener("securitypolicyviolation", (event) =>
      violations.push(event.violatedDirective + " " + event.blockedURI));
    ${script}`,
  );
  return page;
}

/** Goes to the page and waits until it has filled its form and looked for a GPU. */
async function visit(page: Awaited<ReturnType<typeof open>>): Promise<void> {
  await page.goto(server.resolvedUrls!.local[0]!);
  await page.waitForFunction("document.querySelector('select[name=topology]').options.length > 0");
  await page.evaluate("navigator.gpu.requestAdapter().then(() => {})");
}

beforeAll(async () => {
  const configFile = fileURLToPath(new URL("../../vite.config.ts", import.meta.url));
  // The page as it is deployed, but with the names of its functions, under the strictest policy that lets it run at all.
  await build({ configFile, build: { outDir, minify: false }, logLevel: "silent" });
  server = await preview({
    configFile,
    build: { outDir },
    preview: { port: 0, headers: { "content-security-policy": "default-src 'self'" } },
    logLevel: "silent",
  });
  started = await launchBrowser("chrome");
  page = await open();
  const profiler = await page.createCDPSession();
  await profiler.send("Profiler.enable");
  await profiler.send("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  await visit(page);
  for (const { functions } of (await profiler.send("Profiler.takePreciseCoverage")).result) {
    for (const { functionName, ranges } of functions) {
      calls.set(functionName, (calls.get(functionName) ?? 0) + ranges[0]!.count);
    }
  }
  await profiler.detach();
});

afterAll(async () => {
  await started.close();
  await server.close();
  rmSync(outDir, { recursive: true });
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

test("the site is small enough for free hosts, data included", () => {
  const files = readdirSync(outDir, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const size = files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
  console.log(`the site: ${files.length} files, ${(size / 1e6).toFixed(2)} MB`);
  expect(size).toBeLessThan(25e6);
});

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

test("the backbones that a topology can have are listed, its default first", async () => {
  const options =
    "[...document.querySelector('select[name=backbone]').options].map(({ text }) => text).join(' ')";
  const seen: Record<string, unknown> = {};
  for (const topology of ["interleaved", "sequential", "fusion", "vgg"]) {
    await choose("topology", topology);
    seen[topology] = await page.evaluate(options);
  }
  expect(seen).toEqual({
    interleaved: "",
    sequential: "resnet20 resnet18 resnet32 resnet34 resnet44 resnet50 resnet56 resnet101 resnet152",
    fusion: "resnet20 resnet32 resnet44 resnet56",
    vgg: "vgg11_bn",
  });
});

test("the page builds no model before one is chosen", () => {
  expect(calls.get("backboneNames")).toBeGreaterThan(0);
  expect(calls.get("createModel") ?? 0).toBe(0);
});

test.each([
  ["google", "swiftshader", true, /emulates the GPU on the CPU \(google swiftshader\).*minutes/],
  ["", "llvmpipe", false, /emulates the GPU on the CPU/],
  ["nvidia", "ampere", false, undefined],
])(
  "of an adapter %s %s it tells whether to expect a slow run",
  async (vendor, architecture, fallback, words) => {
    const info = { vendor, architecture, device: "", description: "", isFallbackAdapter: fallback };
    const other = await open(
      `Object.defineProperty(GPUAdapter.prototype, "info", { get: () => (${JSON.stringify(info)}) });`,
    );
    await visit(other);
    const notice = (await other.$eval("#notice", (element) => ({
      hidden: (element as HTMLElement).hidden,
      role: element.getAttribute("role"),
      text: element.textContent,
    }))) as { hidden: boolean; role: string; text: string };
    expect([notice.hidden, notice.role]).toEqual([words === undefined, "status"]);
    if (words) expect(notice.text).toMatch(words);
    await other.close();
    await page.bringToFront();
  },
);

/** The id of the element that has the focus; that of the page's body is empty. */
const focused = (): Promise<unknown> => page.evaluate("document.activeElement.id");
const press = async (selector: string): Promise<void> => {
  await page.focus(selector);
  await page.keyboard.press("Enter");
};
/** Waits for a status, and two frames longer, since a browser takes the focus away between frames. */
const until = async (status: string): Promise<void> => {
  await page.waitForFunction(`document.getElementById("status").textContent === "${status}"`);
  await page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
};

test("a button that was pressed keeps the focus, whatever becomes of it", async () => {
  await visit(page);
  await page.evaluate(
    "document.querySelector('[name=examples]').value = 2000; document.querySelector('[name=testExamples]').value = 16",
  );
  const seen: unknown[] = [];
  const step = async (selector: string, status: string): Promise<void> => {
    await press(selector);
    await until(status);
    seen.push(await focused());
  };
  await step("[name=seed]", "Training");
  await step("#pause", "Paused");
  await step("#pause", "Training");
  await page.waitForFunction("document.getElementById('step').textContent.startsWith('2 ')");
  await step("#stop", "Stopped");
  await step("#continue", "Training");
  await step("#pause", "Paused");
  expect(seen).toEqual(["start", "pause", "pause", "stop", "pause", "pause"]);
});

test("what cannot be pressed now does nothing", async () => {
  expect(await page.$eval("#start", (button) => button.getAttribute("aria-disabled"))).toBe("true");
  await press("#start");
  await until("Paused");
  expect(await page.$eval("#problem", (element) => (element as HTMLElement).hidden)).toBe(true);
});

test("pictures outlive a crash of the GPU process, which takes their contexts away", async () => {
  await page.waitForSelector("#predictions canvas");
  const pictures = "[...document.querySelectorAll('canvas')].map((canvas) => canvas.toDataURL())";
  // Charts are drawn a while after their last step.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const before = (await page.evaluate(pictures)) as string[];
  expect(before.length).toBe(18); // Two charts and a grid of test images.
  await page.evaluate("restored = 0; addEventListener('contextrestored', () => restored++, true)");
  const browser = await started.browser.target().createCDPSession();
  await browser.send("Browser.crashGpuProcess");
  await page.waitForFunction("restored === 18");
  expect((await page.evaluate(pictures)) as string[]).toEqual(before);
  await press("#pause");
  await until("Failed");
  expect(await page.evaluate("document.getElementById('problem').textContent")).toMatch(
    /the GPU device was lost.* You can continue from step \d+\./,
  );
});

test("the page keeps to a policy that allows only its own files", async () => {
  expect(await page.evaluate("violations")).toEqual([]);
  const icon = await page.$eval("link[rel=icon]", (link) => (link as HTMLLinkElement).href);
  expect(icon).toMatch(/^http/);
  expect((await fetch(icon)).headers.get("content-type")).toBe("image/svg+xml");
});
