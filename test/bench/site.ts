import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as buildWithVite, type InlineConfig, preview } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));

/** The pages of the bench, built as an app would build them, on a local server. */
export interface Site {
  url(page: string): string;
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

/** Builds pages (`device.html`) and serves them. */
export async function serve(pages: readonly string[]): Promise<Site> {
  const outDir = mkdtempSync(join(tmpdir(), "webgraft-bench-"));
  const config = buildConfig(pages);
  const build = { ...config.build, outDir, emptyOutDir: true };
  await buildWithVite({ ...config, build });
  const server = await preview({ ...config, build, preview: { port: 0, host: "localhost" } });
  const { port } = server.httpServer.address() as AddressInfo;
  return {
    url: (page) => `http://localhost:${port}/${page}`,
    async close() {
      await server.close();
      rmSync(outDir, { recursive: true });
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
