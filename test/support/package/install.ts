import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The compiler of a package in `node_modules`, which may be an older TypeScript under another name. */
export const compiler = (name: string): string => join(root, "node_modules", name, "bin/tsc");

/**
 * A new folder with the package in `node_modules`, as `npm install webgraft` would put it there: built, packed to a
 * tarball, and unpacked. The checkout's own `dist/` is left alone, as another test may be reading it.
 */
export function newApp(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), "webgraft-app-"));
  const stage = join(folder, "stage");
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] };
  for (const name of ["package.json", "README.md", "LICENSE", "dist/wgsl", ...files]) {
    if (name !== "dist") cpSync(join(root, name), join(stage, name), { recursive: true });
  }
  const build = ["-p", "tsconfig.build.json", "--outDir", join(stage, "dist")];
  execFileSync(process.execPath, [compiler("typescript"), ...build], { cwd: root, stdio: "inherit" });
  execFileSync("npm", ["pack", "--silent"], { cwd: stage, shell: process.platform === "win32" });
  const tarball = readdirSync(stage).find((name) => name.endsWith(".tgz"))!;
  const installed = join(folder, "node_modules/webgraft");
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(stage, tarball), "-C", installed, "--strip-components=1"]);
  rmSync(stage, { recursive: true });
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}

/** Copies a package that the checkout has, where npm would put it. */
export function installInto(folder: string, name: string): void {
  const target = join(folder, "node_modules", name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, "node_modules", name), target, { recursive: true });
}
