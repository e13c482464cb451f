import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DeviceError } from "../../base/errors.ts";
import type { BrowserEngine } from "./engines.ts";

/** What finding an engine and a driver needs to know about the machine; tests pass their own. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  exists(path: string): boolean;
  /** Paths of the files in a folder; none if it does not exist. */
  list(folder: string): string[];
  /** Path of a browser in puppeteer's own download cache. */
  cached(engine: BrowserEngine): Promise<string | undefined>;
  /** Installs Debian packages; throws if apt fails. */
  install(packages: readonly string[]): void;
}

/** The machine this process runs on. */
export const thisHost: Host = {
  platform: process.platform,
  env: process.env,
  isRoot: process.getuid?.() === 0,
  exists: existsSync,
  list: (folder) => (existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []),
  async cached(engine) {
    // Not before it is needed, since the command line's help needs only the names of engines.
    const { getInstalledBrowsers } = await import("@puppeteer/browsers");
    const cacheDir = process.env.PUPPETEER_CACHE_DIR ?? join(homedir(), ".cache", "puppeteer");
    const installed = await getInstalledBrowsers({ cacheDir });
    return installed.findLast(({ browser }) => browser === engine)?.executablePath;
  },
  install: aptInstall,
};

export const isDebian = ({ platform, exists }: Host): boolean =>
  platform === "linux" && exists("/etc/debian_version");

export const canInstall = (host: Host): boolean => host.isRoot && isDebian(host);

function aptInstall(packages: readonly string[]): void {
  process.stderr.write(`webgraft: installing ${packages.join(" ")} with apt-get\n`);
  for (const args of [["update"], ["install", "-y", "--no-install-recommends", ...packages]]) {
    // Another apt may hold the lock for a while, for example on a machine that has just started.
    const { status, error } = spawnSync("apt-get", ["-o", "DPkg::Lock::Timeout=120", "-q", ...args], {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      stdio: ["ignore", 2, 2],
    });
    if (status !== 0) {
      throw new DeviceError(
        `findBrowser: apt-get ${args.join(" ")} failed — ${error?.message ?? `exit status ${status}`}; ` +
          `install ${packages.join(" ")} by hand`,
        { cause: error },
      );
    }
  }
}
