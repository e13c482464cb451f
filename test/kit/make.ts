/** `npm run kit`: makes a folder that runs on a Linux machine with nothing but a Vulkan driver. See README.md. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, type Plugin } from "esbuild";
import { VERSION } from "../../src/base/version.ts";
import { dataFile, dataFileNames } from "../../src/cli/data/data-files.ts";
import { imagesFile, SHARD_IMAGES } from "../../src/data/shards.ts";
import { defaultSettings } from "../../src/job/settings.ts";
import { peerVersions } from "../bench/site.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = resolve(here, "../..");

/** Bytes that the folder may have. */
const LIMIT = 60e6;

/** The tests that the kit runs: of ops and kernels, and fifty steps against PyTorch. */
const TESTS = /^test\/((ops|embed)\/.*|train\/trajectory)\.test\.ts$/;

/** Modules that need the repository, and what the kit has instead. */
const INSTEAD: Readonly<Record<string, string>> = {
  "src/cli/resources.ts": "resources.ts",
  "src/cli/engine/vulkan.ts": "vulkan.ts",
  "src/cli/data/data-files.ts": "data.ts",
  "src/cli/data/idx-files.ts": "data.ts",
  "test/bench/site.ts": "site.ts",
  "test/bench/sizes.ts": "site.ts",
};

/** By the names that they have in the kit. */
const SCRIPTS: Readonly<Record<string, string>> = {
  kit: "test/kit/kit.ts",
  bench: "test/bench/bench.ts",
  train: "src/cli/train.ts",
  "pages/main": "src/cli/runtime/main.ts",
  "pages/job": "src/cli/engine/page/main.ts",
  "pages/device": "test/bench/page/device.ts",
  "pages/peers": "test/bench/page/peers.ts",
  "pages/tune": "test/kit/pages/tune.ts",
  "pages/tests": "test/kit/pages/tests.ts",
};

const instead: Plugin = {
  name: "instead",
  setup({ onResolve, onLoad }) {
    const replaced = new Map(
      Object.entries(INSTEAD).map(([path, name]) => [join(root, path), join(here, "instead", name)]),
    );
    onResolve({ filter: /^\..*\.ts$/ }, ({ path, resolveDir }) => {
      const target = replaced.get(resolve(resolveDir, path));
      return target ? { path: target } : undefined;
    });
    onResolve({ filter: /\?raw$/ }, ({ path, resolveDir }) => ({
      path: resolve(resolveDir, path.replace("?raw", "")),
      namespace: "raw",
    }));
    onLoad({ filter: /.*/, namespace: "raw" }, ({ path }) => ({
      contents: readFileSync(path, "utf8"),
      loader: "text",
    }));
  },
};

async function bundle(folder: string, tests: readonly string[]): Promise<void> {
  const scripts = {
    ...SCRIPTS,
    ...Object.fromEntries(tests.map((test) => [test.replace(/\.ts$/, ""), test])),
  };
  await build({
    entryPoints: Object.entries(scripts).map(([out, path]) => ({ in: join(root, path), out })),
    outdir: folder,
    chunkNames: "chunks/[name]-[hash]",
    ...{
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node20",
      logLevel: "warning",
    },
    external: ["webgpu", "vite", "puppeteer", "@puppeteer/browsers", ...Object.keys(peerVersions())],
    alias: {
      vitest: join(here, "instead/vitest.ts"),
      webgraft: join(root, "src/index.ts"),
      "webgraft/job": join(root, "src/job/index.ts"),
      "webgraft/kernels": join(root, "src/embed/index.ts"),
      "webgraft/testing": join(root, "src/testing/index.ts"),
    },
    // Packages in CommonJS ask for Node's modules in their own way.
    banner: {
      js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
    },
    plugins: [instead],
  });
}

/** Node's addon for WebGPU, and Node itself, compressed; run.sh unpacks them. */
function addRuntime(kit: string): void {
  const { platform, arch, execPath } = process;
  if (platform !== "linux" || arch !== "x64") {
    throw new Error(
      `the kit is made of this machine's Node, which must be of linux x64 — got ${platform} ${arch}`,
    );
  }
  if (statSync(execPath).size < 50e6) {
    throw new Error(`${execPath} has its code in a library of the system — take Node from nodejs.org`);
  }
  pack(execPath, join(kit, "node.gz"));
  const webgpu = dirname(createRequire(import.meta.url).resolve("webgpu"));
  const target = join(kit, "app/node_modules/webgpu");
  mkdirSync(join(target, "dist/linux-x64"), { recursive: true });
  for (const name of ["index.js", "package.json", "LICENSE.md"])
    copyFileSync(join(webgpu, name), join(target, name));
  pack(join(webgpu, "dist/linux-x64/dawn.node"), join(target, "dist/linux-x64/dawn.node.gz"));
  for (const [folder, names] of [
    ["vulkan", ["libvulkan.so.1"]],
    ["c++", ["libstdc++.so.6", "libgcc_s.so.1"]],
  ] as const) {
    mkdirSync(join(kit, "lib", folder), { recursive: true });
    for (const name of names) copyFileSync(systemLibrary(name), join(kit, "lib", folder, name));
  }
}

const pack = (from: string, to: string): void =>
  writeFileSync(to, gzipSync(readFileSync(from), { level: 9 }));

function systemLibrary(name: string): string {
  const folders = [
    "/usr/lib/x86_64-linux-gnu",
    "/lib/x86_64-linux-gnu",
    "/usr/lib64",
    "/lib64",
    "/usr/lib/chromium",
  ];
  const found = folders.map((folder) => join(folder, name)).find(existsSync);
  if (found) return found;
  throw new Error(
    `there is no ${name} in ${folders.join(", ")} — install it (Debian: libvulkan1, libstdc++6)`,
  );
}

/** MNIST's test images, and as many to train on as a run takes by default. */
function addData(kit: string): void {
  const folder = join(kit, "data/mnist");
  mkdirSync(folder, { recursive: true });
  const shards = Math.ceil(defaultSettings.examples! / SHARD_IMAGES);
  const first = new Set(Array.from({ length: shards }, (_, shard) => imagesFile("train", shard)));
  for (const name of dataFileNames("mnist")) {
    if (name.startsWith("train-images") && !first.has(name)) continue;
    copyFileSync(dataFile("mnist", name)!, join(folder, name));
  }
}

const filesIn = (folder: string): string[] => readdirSync(folder, { recursive: true, encoding: "utf8" });

function sizeOf(folder: string): number {
  return filesIn(folder)
    .map((name) => statSync(join(folder, name)))
    .reduce((sum, stats) => sum + (stats.isFile() ? stats.size : 0), 0);
}

async function main(kit: string): Promise<void> {
  if (existsSync(kit) && !existsSync(join(kit, "run.sh"))) {
    throw new Error(`${kit} is there already, and is no kit — give another folder`);
  }
  rmSync(kit, { recursive: true, force: true });
  const app = join(kit, "app");
  const tests = filesIn(join(root, "test"))
    .map((name) => `test/${name}`)
    .filter((name) => TESTS.test(name))
    .sort();
  await bundle(app, tests);
  writeFileSync(join(app, "tests.json"), JSON.stringify(tests));
  writeFileSync(
    join(app, "package.json"),
    JSON.stringify({ name: "webgraft-kit", version: VERSION, type: "module" }),
  );
  cpSync(join(root, "test/support/fixtures/torch"), join(app, "test/support/fixtures/torch"), {
    recursive: true,
  });
  copyFileSync(join(here, "time_steps.py"), join(app, "time_steps.py"));
  copyFileSync(join(root, "src/cli/output/report.html"), join(app, "report.html"));
  const plot = dirname(createRequire(import.meta.url).resolve("uplot/package.json"));
  for (const name of ["package.json", "dist/uPlot.min.css", "dist/uPlot.iife.min.js"]) {
    cpSync(join(plot, name), join(app, "node_modules/uplot", name));
  }
  for (const name of ["run.sh", "README.md"]) copyFileSync(join(here, name), join(kit, name));
  addRuntime(kit);
  addData(kit);
  const size = sizeOf(kit);
  process.stdout.write(`${kit}: ${(size / 1e6).toFixed(1)} MB, ${tests.length} test files\n`);
  if (size > LIMIT) throw new Error(`${basename(kit)} has ${size} bytes, more than ${LIMIT}`);
}

await main(resolve(process.argv[2] ?? join(root, "runs/kit")));
