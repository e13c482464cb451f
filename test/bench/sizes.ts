import { gzipSync } from "node:zlib";
import { build } from "vite";
import type { SizeResult } from "./report.ts";
import { buildConfig } from "./site.ts";

/** An app for each library. A peer's contestant serves as one: it imports its library, and only types of the bench. */
const APPS: Readonly<Record<string, string>> = {
  webgraft: "minimal-app.ts",
  jax: "peers/jax.ts",
  tfjs: "peers/tfjs.ts",
};

/** Bundles minimal training apps with Vite, like any app. */
export async function measureSizes(peers: readonly string[]): Promise<SizeResult[]> {
  const results: SizeResult[] = [];
  for (const [name, entry] of Object.entries(APPS)) {
    if (name !== "webgraft" && !peers.includes(name)) continue;
    const config = buildConfig([entry]);
    const { output } = (await build({
      ...config,
      build: {
        ...config.build,
        write: false,
        rolldownOptions: { ...config.build?.rolldownOptions, preserveEntrySignatures: "strict" },
      },
    })) as Exclude<Awaited<ReturnType<typeof build>>, unknown[] | { close(): unknown }>;
    const files = output.map((file) => Buffer.from(file.type === "chunk" ? file.code : file.source));
    results.push({
      name,
      bytes: files.reduce((sum, file) => sum + file.length, 0),
      gzipBytes: files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0),
    });
  }
  return results;
}
