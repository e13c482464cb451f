import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as buildWithVite, type InlineConfig, preview } from "vite";
import type { Program } from "../../src/cli/engine/engine.ts";
import { type Engine, isBrowser } from "../../src/cli/engine/engines.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The pages of the bench, each under the name of its file in `page/`. */
export interface Site {
  page(name: string): Program;
  close(): Promise<void>;
}

/** Vite's configuration for building files of this folder. */
export const buildConfig = (entries: readonly string[]) =>
  ({
    configFile: false,
    root: here,
    base: "./",
    logLevel: "warn",
    resolve: { alias: { webgraft: fileURLToPath(new URL("../../src/index.ts", import.meta.url)) } },
    build: {
      target: "es2022",
      chunkSizeWarningLimit: Number.POSITIVE_INFINITY,
      rolldownOptions: { input: entries.map((entry) => join(here, entry)) },
    },
  }) satisfies InlineConfig;

/** Builds pages (`device`) as an app would, on a local server for browsers and as scripts for Node and Deno. */
export async function openSite(engine: Engine, pages: readonly string[]): Promise<Site> {
  const outDir = mkdtempSync(join(tmpdir(), "webgraft-bench-"));
  const html = isBrowser(engine);
  const config = buildConfig(pages.map((page) => (html ? `${page}.html` : `page/${page}.ts`)));
  const rolldownOptions = {
    ...config.build.rolldownOptions,
    // Only browsers run the peers, which need not be there.
    ...(!html && { external: Object.keys(peerVersions()).map((name) => new RegExp(`^${name}(/|$)`)) }),
  };
  const build = { ...config.build, rolldownOptions, outDir, emptyOutDir: true, ssr: !html };
  await buildWithVite({ ...config, build });
  const remove = (): void => rmSync(outDir, { recursive: true });
  const file = (name: string): string => join(outDir, `${name}.js`);
  if (!html) return { page: (name) => ({ url: "", file: file(name) }), close: async () => remove() };
  const server = await preview({ ...config, build, preview: { port: 0, host: "localhost" } });
  const { port } = server.httpServer.address() as AddressInfo;
  return {
    page: (name) => ({ url: `http://localhost:${port}/${name}.html`, file: file(name) }),
    async close() {
      await server.close();
      remove();
    },
  };
}

/** The versions of the peers, by package name. */
export const peerVersions = (): Record<string, string> =>
  JSON.parse(readFileSync(join(here, "package.json"), "utf8")).dependencies;

/** Installs the peers when they are first needed, since they are not dependencies of the library. */
export function installPeers(): void {
  const installed = Object.entries(peerVersions()).every(([name, version]) => {
    const file = join(here, "node_modules", name, "package.json");
    return existsSync(file) && JSON.parse(readFileSync(file, "utf8")).version === version;
  });
  if (installed) return;
  process.stderr.write("installing the peers (npm ci in test/bench)\n");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: here,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error("npm ci in test/bench failed");
}
