import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { offline, SERVICE_WORKER } from "./demo/build/offline.ts";
import { contentSecurityPolicy } from "./demo/build/policy.ts";
import { DOCS, docs, docsFolder } from "./demo/docs/build/plugin.ts";
import { dataFiles } from "./src/cli/data/data-files.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** What the page loads of the tests: the recorded study, and what runs a kernel beside its reference and times it. */
const TESTS = [
  "test/studies/recorded",
  "test/ops",
  ...["test/support/gallery", "test/support/op", "test/support/reference", "test/support/run"],
  ...["test/bench/page", "test/bench/statistics.ts"],
];

/** `vite`, `vite build`: the demo and the documentation, static pages that may lie in any folder of a server. */
export default defineConfig({
  root: path("demo"),
  base: "./",
  // All of MNIST, and of Fashion-MNIST what keeps the site under 25 MB: the first 12,000 training images, all for testing.
  plugins: [dataFiles({ shards: { fashion: 6 } }), contentSecurityPolicy(), docs(), offline()],
  server: { cors: false, fs: { allow: [path("demo"), path("src"), ...TESTS.map(path)] } },
  preview: { cors: false },
  resolve: {
    alias: [
      { find: /^webgraft$/, replacement: path("src/index.ts") },
      { find: /^webgraft\/job$/, replacement: path("src/job/index.ts") },
      { find: /^webgraft\/kernels$/, replacement: path("src/embed/index.ts") },
      { find: /^webgraft\/pretrained\//, replacement: path("src/pretrained/") },
    ],
  },
  // The worker finds the data beside itself, so all files lie in one folder.
  // Nothing is inlined as a data: URL, so that a strict content security policy holds.
  build: {
    target: "es2022",
    assetsDir: ".",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rolldownOptions: {
      input: {
        index: path("demo/index.html"),
        [DOCS]: path("demo/docs/page/docs.ts"),
        [SERVICE_WORKER]: path("demo/offline/service-worker.ts"),
      },
      output: {
        entryFileNames: ({ name }) =>
          name === SERVICE_WORKER ? "[name].js" : docsFolder(name, "[name]-[hash].js"),
        chunkFileNames: ({ name }) => docsFolder(name, "[name]-[hash].js"),
        assetFileNames: ({ names }) => docsFolder(names[0] ?? "", "[name]-[hash][extname]"),
      },
    },
  },
  worker: {
    format: "es",
    rolldownOptions: { output: { entryFileNames: ({ name }) => docsFolder(name, "[name]-[hash].js") } },
  },
});
