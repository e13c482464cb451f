import { fileURLToPath } from "node:url";
import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { dataFiles } from "./src/cli/data/data-files.ts";
import type { BrowserEngine, RuntimeEngine } from "./src/cli/engine/engines.ts";
import { commands } from "./test/support/runner/commands.ts";
import { gpuBrowser } from "./test/support/runner/provider.ts";
import { readmeSnippets } from "./test/support/runner/readme.ts";
import { runtimePool } from "./test/support/runner/runtime-pool.ts";
import { Tally } from "./test/support/runner/tally.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/**
 * What takes longer hangs. Tests take seconds, but on a machine that emulates a GPU beside other work they may take many
 * times as long, and none is to fail for that.
 */
const PATIENCE_MS = 15 * 60_000;

const GPU_TESTS = "test/{data,embed,formats,gpu,job,ops,predict,race,train,transfer}/**/*.test.ts";

/**
 * What `npm test` runs of them in Node and Deno: kernels and ops taken alone, and the ops that compile at once. Chrome and
 * Firefox run all of them on the same WebGPU and the same drivers.
 */
const SOME_GPU_TESTS = "test/{embed,ops/elementwise}/**/*.test.ts";

/** ResNet-50 with VGG-16, for `test:engines`: it takes minutes, and its kernels are those of smaller networks. */
const FULL_SIZE = "test/train/full-size.test.ts";

/**
 * What one browser alone runs, the one that is faster at it, since it is about results and names, not about kernels, which
 * both try one by one. Chrome: the guides' code, whole networks out of files, what the backbone that ships is worth, races, and
 * calls in many orders. Firefox: what opens a device for each of many runs or trainers, for which Chrome's emulated GPU compiles
 * all kernels anew, or takes the kernels for real GPUs, which it compiles slowly.
 */
const IN_ONE_BROWSER: Readonly<Record<BrowserEngine, readonly string[]>> = {
  chrome: ["formats/networks", "race/race", "train/guides", "train/state-machine", "transfer/pretrained"],
  firefox: [
    ...["gpu/wrong-drivers", "train/gpu-fusions", "train/idle-tuning"],
    ...["job/checkpoints", "job/commands", "job/job", "job/job-features", "job/samples"],
  ],
};

/**
 * The GPU tests in one browser, all of them or what `npm test` runs there. Browsers take turns, in the order of `turn`.
 */
function inBrowser(engine: BrowserEngine, turn: number, whole: boolean): TestProjectInlineConfiguration {
  const others = IN_ONE_BROWSER[engine === "chrome" ? "firefox" : "chrome"];
  const exclude = whole ? [] : [FULL_SIZE, ...others.map((file) => `test/${file}.test.ts`)];
  return {
    extends: true,
    test: {
      include: [GPU_TESTS],
      exclude,
      sequence: { groupOrder: turn },
      // One page, one file at a time (see provider.ts): all files of a browser share its GPU device.
      isolate: false,
      browser: {
        enabled: true,
        headless: true,
        ui: false,
        screenshotFailures: false,
        provider: gpuBrowser(),
        connectTimeout: PATIENCE_MS,
        commands,
        instances: [{ browser: engine, name: engine }],
      },
    },
  };
}

/** GPU tests in Node or Deno, but for those that need a page. */
function inRuntime(engine: RuntimeEngine, turn: number, whole: boolean): TestProjectInlineConfiguration {
  return {
    extends: true,
    resolve: { alias: { "vitest/browser": path("test/support/runner/commands-here.ts") } },
    test: {
      name: engine,
      include: [whole ? GPU_TESTS : SOME_GPU_TESTS],
      setupFiles: [path("test/support/runner/leave-out.ts")],
      sequence: { groupOrder: turn },
      // One process, one file at a time: all files share its GPU device.
      pool: runtimePool(engine),
      isolate: false,
      maxWorkers: 1,
      fileParallelism: false,
    },
  };
}

/** `--mode whole`: every GPU test in every engine (npm run test:engines). */
export default defineConfig(({ mode }) => ({
  plugins: [dataFiles(), readmeSnippets()],
  // The tests import no packages that need bundling, and the scan for some trips over the README's modules.
  optimizeDeps: { noDiscovery: true },
  resolve: {
    alias: [
      { find: /^webgraft$/, replacement: path("src/index.ts") },
      { find: /^webgraft\/job$/, replacement: path("src/job/index.ts") },
      { find: /^webgraft\/kernels$/, replacement: path("src/embed/index.ts") },
      { find: /^webgraft\/node$/, replacement: path("src/node/index.ts") },
      { find: /^webgraft\/testing$/, replacement: path("src/testing/index.ts") },
    ],
  },
  test: {
    reporters: ["default", new Tally()],
    testTimeout: PATIENCE_MS,
    hookTimeout: PATIENCE_MS,
    maxWorkers: "100%",
    projects: [
      {
        extends: true,
        test: {
          name: "static",
          include: ["test/static/**/*.test.ts", "test/bench/report.test.ts"],
          // Beside Chrome, which is seldom busy with both of two cores: much of its time one of them compiles shaders.
          sequence: { groupOrder: 1 },
        },
      },
      inBrowser("chrome", 1, mode === "whole"),
      inBrowser("firefox", 2, mode === "whole"),
      inRuntime("node", 3, mode === "whole"),
      inRuntime("deno", 4, mode === "whole"),
      // The commands and the page, which start browsers of their own.
      {
        extends: true,
        test: {
          name: "cli",
          include: ["test/{cli,demo}/**/*.test.ts", "test/bench/run.test.ts"],
          // Beside Firefox, which is seldom busy with both of two cores either.
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
}));
