import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { gpuBrowser } from "./test/support/provider.ts";
import { Tally } from "./test/support/tally.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^webgraft$/, replacement: path("src/index.ts") },
      { find: /^webgraft\/kernels$/, replacement: path("src/kernels/index.ts") },
    ],
  },
  test: {
    reporters: ["default", new Tally()],
    projects: [
      {
        extends: true,
        test: {
          name: "static",
          include: ["test/static/**/*.test.ts"],
          environment: "node",
          testTimeout: 30_000,
        },
      },
      {
        extends: true,
        test: {
          include: ["test/{ops,train,kernels}/**/*.test.ts"],
          // One page, one file at a time: all files of a browser share its GPU device.
          isolate: false,
          fileParallelism: false,
          // After the static tests; the browsers themselves run one after the other.
          sequence: { groupOrder: 1 },
          // Software adapters are a hundred times slower than a GPU.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          browser: {
            enabled: true,
            headless: true,
            ui: false,
            screenshotFailures: false,
            provider: gpuBrowser(),
            instances: [
              { browser: "chrome", name: "chrome" },
              { browser: "firefox", name: "firefox" },
            ],
          },
        },
      },
    ],
  },
});
