/** The packed package in the bundles of apps: what comes along, and what survives minification. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as errors from "../../../src/base/errors.ts";
import { addModule, bundlers } from "../../support/package/bundle.ts";
import { newApp, root } from "../../support/package/install.ts";

let app: ReturnType<typeof newApp>;
beforeAll(() => {
  app = newApp();
});
afterAll(() => app.remove());

const ABOUT = `# Sizes

What comes into an app's bundle with the library, minified, in KiB by gzip, rounded up. The test beside this file measures
it; \`npx vitest run --project static bundles -u\` writes what has changed.`;

const kibOf = (code: string | Uint8Array): number => gzipSync(code, { level: 9 }).length / 1024;

/** Most KiB of each app's bundle, compressed by gzip. */
const APPS = {
  "test/support/package/apps/kernel.ts": 3000 / 1024,
  "test/support/package/apps/softmax.ts": 3.4,
  "test/support/package/apps/op.ts": 12.2,
  "test/support/package/apps/predict.ts": 50.8,
  "test/bench/minimal-app.ts": 89,
} as const;
type AppPath = keyof typeof APPS;
const WHAT: Readonly<Record<AppPath, string>> = {
  "test/support/package/apps/kernel.ts": "one kernel that adds, `webgraft/kernels`",
  "test/support/package/apps/softmax.ts": "one kernel of softmax, `webgraft/kernels`",
  "test/support/package/apps/op.ts": "one op, `webgraft/kernels`",
  "test/support/package/apps/predict.ts": "a network that predicts, `webgraft`",
  "test/bench/minimal-app.ts": "the same network, trained, `webgraft`",
};

/** KiB by gzip, rounded up, of each app by each bundler. */
const measured = new Map<AppPath, Map<string, number>>();

describe.each(Object.entries(bundlers))("%s", (bundler, bundle) => {
  /** Of the code, which is not compressed when it is parsed. */
  const sizes = new Map<AppPath, number>();

  it.each(Object.entries(APPS))("bundles little else with %s", async (path, most) => {
    const code = await bundle(app.folder, addModule(app.folder, join(root, path)));
    sizes.set(path as AppPath, code.length);
    const size = kibOf(code);
    const row = measured.get(path as AppPath) ?? new Map<string, number>();
    measured.set(path as AppPath, row.set(bundler, Math.ceil(size)));
    expect(size).toBeLessThanOrEqual(most);
  });

  it("leaves training out of an app that predicts", () => {
    const share =
      sizes.get("test/support/package/apps/predict.ts")! / sizes.get("test/bench/minimal-app.ts")!;
    expect(share).toBeLessThanOrEqual(0.6);
  });
});

it("their sizes are those of the table", async () => {
  const names = Object.keys(bundlers);
  const rows = [...measured].map(([path, row]) => [WHAT[path], ...names.map((name) => row.get(name))]);
  const whole = readFileSync(join(app.folder, "node_modules/webgraft/dist/webgraft.min.js"));
  const table = [
    ["An app of", ...names],
    ["---", ...names.map(() => "--:")],
    ...rows,
    ["`dist/webgraft.min.js`, everything in one file", ...names.map(() => Math.ceil(kibOf(whole)))],
  ];
  const lines = table.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  await expect(`${ABOUT}\n\n${lines}\n`).toMatchFileSnapshot("sizes.md");
});

// Without webpack, whose minifier takes long for the whole library and treats names like the others.
it.each(["esbuild", "vite"])("%s keeps the names of errors", async (bundler) => {
  const entry = addModule(app.folder, join(root, "test/support/package/apps/names.ts"));
  const file = join(app.folder, `names.${bundler}.mjs`);
  writeFileSync(file, await bundlers[bundler]!(app.folder, entry));
  const told = JSON.parse(execFileSync(process.execPath, [file], { encoding: "utf8" }));
  const names = Object.fromEntries(Object.keys(errors).map((name) => [name, name]));
  expect(told).toEqual({ names, lost: "DeviceLostError", job: "DeviceError" });
});

it("source maps bring their sources", () => {
  const map = join(app.folder, "node_modules/webgraft/dist/train/trainer.js.map");
  const { sourcesContent } = JSON.parse(readFileSync(map, "utf8")) as { sourcesContent?: string[] };
  expect(sourcesContent?.[0]).toContain("class Trainer");
});
