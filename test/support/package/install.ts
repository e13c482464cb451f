import { execFileSync, execSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The compiler of a package in `node_modules`, which may be an older TypeScript under another name. */
export const compiler = (name: string): string => join(root, "node_modules", name, "bin/tsc");

/** Runs a command line of a shell, without a network. Throws what it said if it fails. */
export function shell(command: string, cwd: string): void {
  execSync(command, { cwd, env: { ...process.env, npm_config_offline: "true" }, stdio: "pipe" });
}

/**
 * A new folder of an app, empty but for a package.json, and beside it the folder `webgraft` with the tarball that
 * `npm pack` makes of a built checkout. The checkout's own `dist/` is left alone: another test may be reading it.
 */
export function emptyApp(): { readonly folder: string; remove(): void } {
  const parent = mkdtempSync(join(tmpdir(), "webgraft-app-"));
  const [stage, folder] = [join(parent, "webgraft"), join(parent, "app")];
  const { files } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { files: string[] };
  for (const name of ["package.json", "README.md", "LICENSE", "dist/wgsl", ...files]) {
    if (name !== "dist") cpSync(join(root, name), join(stage, name), { recursive: true });
  }
  const build = ["-p", "tsconfig.build.json", "--outDir", join(stage, "dist")];
  execFileSync(process.execPath, [compiler("typescript"), ...build], { cwd: root, stdio: "inherit" });
  shell(`PATH="${join(root, "node_modules/.bin")}:$PATH" npm run --silent build:file`, stage);
  shell("npm pack --silent", stage);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
  return { folder, remove: () => rmSync(parent, { recursive: true }) };
}

/** The command of the README that installs the tarball. */
export const INSTALL = "npm install ../webgraft/webgraft-0.1.0.tgz";

/** A new folder of an app into which the package was installed. */
export function newApp(): ReturnType<typeof emptyApp> {
  const app = emptyApp();
  shell(INSTALL, app.folder);
  return app;
}

/** Copies a package that the checkout has, where npm would put it. */
export function installInto(folder: string, name: string): void {
  const target = join(folder, "node_modules", name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(root, "node_modules", name), target, { recursive: true });
}
