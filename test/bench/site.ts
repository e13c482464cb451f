import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type InlineConfig, preview } from "vite";

export const here = fileURLToPath(new URL(".", import.meta.url));

/** Where the package's own modules are, for whoever bundles it by name. */
export const alias = { webgraft: fileURLToPath(new URL("../../src/index.ts", import.meta.url)) };

/** The pages of the bench, built as an app would build them, on a local server. */
export interface Site {
  url(page: string): string;
  close(): Promise<void>;
}

/** Builds pages of this folder (`device.html`) and serves them. */
export async function serve(pages: readonly string[]): Promise<Site> {
  const outDir = mkdtempSync(join(tmpdir(), "webgraft-bench-"));
  const config: InlineConfig = {
    configFile: false,
    root: here,
    base: "./",
    logLevel: "warn",
    resolve: { alias },
    build: {
      outDir,
      emptyOutDir: true,
      target: "es2022",
      chunkSizeWarningLimit: Number.POSITIVE_INFINITY,
      rolldownOptions: { input: pages.map((page) => join(here, page)) },
    },
  };
  await build(config);
  const server = await preview({ ...config, preview: { port: 0, host: "localhost" } });
  const { port } = server.httpServer.address() as AddressInfo;
  return {
    url: (page) => `http://localhost:${port}/${page}`,
    async close() {
      await server.close();
      rmSync(outDir, { recursive: true });
    },
  };
}

/** The peers are no dependencies of the library, so they are installed when first needed. */
export function installPeers(): void {
  if (existsSync(join(here, "node_modules"))) return;
  process.stderr.write("installing the peers (npm ci in test/bench)\n");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: here,
    stdio: ["ignore", 2, 2],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error("npm ci in test/bench failed");
}
