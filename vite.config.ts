import { fileURLToPath } from "node:url";
import { defineConfig, type UserConfig } from "vite";
import { dataFiles } from "./src/cli/data-files.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** `vite`, `vite build`: the demo, a static page that may lie in any folder of a server. */
const demo: UserConfig = {
  root: path("demo"),
  base: "./",
  plugins: [dataFiles()],
  resolve: { alias: [{ find: /^webgraft$/, replacement: path("src/index.ts") }] },
  // The worker finds the data beside itself, so all files lie in one folder.
  build: { target: "es2022", assetsDir: ".", emptyOutDir: true },
  worker: { format: "es" },
};

/** `vite build --mode library`: the package's modules, without dependencies. */
const library: UserConfig = {
  build: {
    target: "es2022",
    // Declarations and kernels lie there too.
    emptyOutDir: false,
    minify: false,
    sourcemap: true,
    lib: {
      entry: { index: path("src/index.ts"), kernels: path("src/kernels/index.ts") },
      formats: ["es"],
    },
  },
};

export default defineConfig(({ mode }) => (mode === "library" ? library : demo));
