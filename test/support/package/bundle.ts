import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import terser from "@rollup/plugin-terser";
import { transformSync, build as withEsbuild } from "esbuild";
import { rollup } from "rollup";
import { build as withVite } from "vite";
import webpack from "webpack";

/** Each bundles a module of a folder as an app for production would be, and gives the code in one piece. */
export const bundlers: Readonly<Record<string, (folder: string, entry: string) => Promise<string>>> = {
  async esbuild(folder, entry) {
    const { outputFiles } = await withEsbuild({
      ...{ absWorkingDir: folder, entryPoints: [entry], target: "es2022", format: "esm" },
      ...{ bundle: true, minify: true, write: false },
    });
    return outputFiles[0]!.text;
  },

  /** With Rolldown. */
  async vite(folder, entry) {
    const bundle = await withVite({
      ...{ root: folder, configFile: false, logLevel: "warn" },
      build: {
        ...{ target: "es2022", write: false, modulePreload: false },
        chunkSizeWarningLimit: Number.POSITIVE_INFINITY,
        rolldownOptions: { input: join(folder, entry) },
      },
    });
    const { output } = bundle as Exclude<typeof bundle, unknown[] | { close(): unknown }>;
    return output.map((file) => (file.type === "chunk" ? file.code : "")).join("");
  },

  async rollup(folder, entry) {
    const plugins = [nodeResolve(), terser({ ecma: 2020, module: true })];
    const bundle = await rollup({ input: join(folder, entry), plugins });
    const { output } = await bundle.generate({ format: "esm" });
    return output[0].code;
  },

  async webpack(folder, entry) {
    const [path, filename] = [join(folder, "bundles"), `${basename(entry)}.webpack.mjs`];
    const compiler = webpack({
      ...{ mode: "production", context: folder, entry: `./${entry}`, target: ["web", "es2022"] },
      output: { path, filename, module: true },
      performance: { hints: false },
      experiments: { outputModule: true },
    });
    await new Promise<void>((resolve, reject) => {
      compiler.run((error, stats) => {
        if (error || stats?.hasErrors()) reject(error ?? new Error(stats!.toString()));
        else resolve();
      });
    });
    return readFileSync(join(path, filename), "utf8");
  },
};

/** Puts a TypeScript module into a folder as JavaScript, which every bundler reads; returns the file's name. */
export function addModule(folder: string, path: string): string {
  const name = basename(path).replace(/\.ts$/, ".mjs");
  writeFileSync(join(folder, name), transformSync(readFileSync(path, "utf8"), { loader: "ts" }).code);
  return name;
}
