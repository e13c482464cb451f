/**
 * `npm run generate`: runs generate.ts where a shader or what is made of them is not as it was after the last time.
 * Plain JavaScript, so that nothing has to be compiled to find out that nothing has to be done.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const record = join(root, "node_modules/.cache/webgraft/shaders.txt");

const filesIn = (folder, wanted) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((file) => wanted.test(file))
        .sort()
        .map((file) => join(folder, file))
    : [];

/** A hash of all shaders, of what reads them, and of what is made of them. */
function state() {
  const hash = createHash("sha256");
  for (const file of [
    "package-lock.json",
    ...filesIn("shaders", /\.(wgsl|ts|mjs)$/),
    ...filesIn("src/kernel/define", /\.ts$/),
    ...filesIn("src/kernel", /\.gen\.ts$/),
    ...filesIn("dist/wgsl", /\.wgsl$/),
  ]) {
    hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

if (!existsSync(record) || readFileSync(record, "utf8") !== state()) {
  const { status } = spawnSync(process.execPath, ["--import", "tsx", "shaders/generate.ts"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  mkdirSync(dirname(record), { recursive: true });
  writeFileSync(record, state());
}
