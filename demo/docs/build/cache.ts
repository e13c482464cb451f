/** What takes seconds to make and depends on files alone, kept until one of them changes. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../../", import.meta.url));

const folder = join(root, "node_modules/.cache/webgraft");

/** The result of `make`, which must be plain data, kept under `name` until a file or a folder's file of `sources` changes. */
export async function cached<T>(
  name: string,
  sources: readonly string[],
  make: () => T | Promise<T>,
): Promise<T> {
  const hash = createHash("sha256");
  for (const file of sources.flatMap(filesOf)) hash.update(file).update(readFileSync(join(root, file)));
  const key = hash.digest("hex");
  const path = join(folder, `${name}.json`);
  const kept = read(path);
  if (kept?.key === key) return kept.value as T;
  const value = await make();
  mkdirSync(folder, { recursive: true });
  // Several builds may run at once: each puts a whole file in place.
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ key, value }));
  renameSync(own, path);
  return value;
}

function filesOf(source: string): string[] {
  if (statSync(join(root, source)).isFile()) return [source];
  return readdirSync(join(root, source), { recursive: true, encoding: "utf8" })
    .map((file) => join(source, file))
    .filter((file) => statSync(join(root, file)).isFile())
    .sort();
}

function read(path: string): { readonly key: string; readonly value: unknown } | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}
