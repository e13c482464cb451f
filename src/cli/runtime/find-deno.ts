import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { DeviceError } from "../../base/errors.ts";
import { type Host, thisHost } from "../engine/host.ts";

/** The path of Deno: the one in `DENO_PATH`, else the npm package's, else one in PATH. Throws DeviceError if there is none. */
export function findDeno(host: Host = thisHost, packaged: () => string | undefined = packagedDeno): string {
  const { DENO_PATH: named, PATH = "" } = host.env;
  if (named) {
    if (host.exists(named)) return named;
    throw new DeviceError(
      `findDeno: DENO_PATH names a file that does not exist — DENO_PATH=${named}; correct it, or unset it`,
    );
  }
  const name = host.platform === "win32" ? "deno.exe" : "deno";
  const found =
    packaged() ??
    PATH.split(delimiter)
      .map((folder) => join(folder, name))
      .find(host.exists);
  if (found) return found;
  throw new DeviceError(
    "findDeno: no Deno on this machine — looked at DENO_PATH, the npm package deno and PATH; " +
      "install it with npm ci (without --omit=optional), or set DENO_PATH to its executable",
  );
}

/** The executable in the optional dependency of the npm package `deno` that is for this machine. */
function packagedDeno(): string | undefined {
  const { platform, arch } = process;
  const name = `@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
  try {
    const deno = createRequire(import.meta.url).resolve("deno/package.json");
    const folder = dirname(createRequire(deno).resolve(`${name}/package.json`));
    return join(folder, platform === "win32" ? "deno.exe" : "deno");
  } catch {
    return undefined;
  }
}
