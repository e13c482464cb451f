import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { DeviceError } from "../../base/errors.ts";

/** The families of browsers that the command line and the tests can drive. */
export const engines = ["chrome", "firefox"] as const;

export type Engine = (typeof engines)[number];

/** What finding a browser needs to know about the machine; tests pass their own. */
export interface Host {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly isRoot: boolean;
  exists(path: string): boolean;
  /** Path of a browser in puppeteer's own download cache. */
  cached(engine: Engine): Promise<string | undefined>;
  /** Installs Debian packages; throws if apt fails. */
  install(packages: readonly string[]): void;
}

const pathVariable = { chrome: "CHROME_PATH", firefox: "FIREFOX_PATH" } as const;

const debianPackages = { chrome: ["chromium"], firefox: ["firefox-esr", "mesa-vulkan-drivers"] } as const;

const commands = {
  chrome: [
    "google-chrome-stable",
    "google-chrome",
    "chromium",
    "chromium-browser",
    "microsoft-edge-stable",
    "microsoft-edge",
  ],
  firefox: ["firefox", "firefox-esr"],
} as const;

const macApplications = {
  chrome: ["Google Chrome", "Chromium", "Microsoft Edge"].map((name) => `${name}.app/Contents/MacOS/${name}`),
  firefox: ["Firefox.app/Contents/MacOS/firefox"],
} as const;

const windowsPrograms = {
  chrome: [
    ["Google", "Chrome", "Application", "chrome.exe"],
    ["Chromium", "Application", "chrome.exe"],
    ["Microsoft", "Edge", "Application", "msedge.exe"],
  ],
  firefox: [["Mozilla Firefox", "firefox.exe"]],
} as const;

/** The machine this process runs on. */
export const thisHost: Host = {
  platform: process.platform,
  env: process.env,
  isRoot: process.getuid?.() === 0,
  exists: existsSync,
  async cached(engine) {
    // Not before it is needed, since the command line's help needs only the names of engines.
    const { getInstalledBrowsers } = await import("@puppeteer/browsers");
    const cacheDir = process.env.PUPPETEER_CACHE_DIR ?? join(homedir(), ".cache", "puppeteer");
    const installed = await getInstalledBrowsers({ cacheDir });
    return installed.findLast(({ browser }) => browser === engine)?.executablePath;
  },
  install: aptInstall,
};

/**
 * The path of a browser of this engine: the one in `CHROME_PATH` or `FIREFOX_PATH`, else puppeteer's download, else one
 * installed on the system, else (as root on Debian) one installed now. Throws DeviceError if there is none.
 */
export async function findBrowser(engine: Engine, host: Host = thisHost): Promise<string> {
  const variable = pathVariable[engine];
  const named = host.env[variable];
  if (named) {
    if (host.exists(named)) return named;
    throw new DeviceError(
      `findBrowser: ${variable} names a file that does not exist — ${variable}=${named}; ` +
        `correct it, or unset it to search the system`,
    );
  }
  const found = (await host.cached(engine)) ?? installedBrowser(engine, host);
  if (found) return found;

  if (canInstall(host)) {
    host.install(debianPackages[engine]);
    const installed = installedBrowser(engine, host);
    if (installed) return installed;
  }
  throw new DeviceError(
    `findBrowser: no ${engine === "chrome" ? "Chrome, Chromium or Edge" : "Firefox"} on this machine — ` +
      `looked at ${variable}, puppeteer's cache, PATH and the usual places of ${host.platform}; ` +
      `${advice(engine, host)}, or set ${variable} to the browser's executable`,
  );
}

/**
 * The description file of Mesa's software Vulkan driver, which Firefox needs on a Linux machine without a GPU; installs
 * the driver if it is missing and this is possible. Chromium has its own (SwiftShader).
 */
export function softwareVulkan(host: Host = thisHost): string | undefined {
  const find = () => vulkanDrivers(host).find((path) => /[\\/]lvp_icd[^\\/]*\.json$/.test(path));
  if (host.platform !== "linux") return undefined;
  if (!find() && canInstall(host)) host.install(["mesa-vulkan-drivers"]);
  return find();
}

function vulkanDrivers(host: Host): string[] {
  const folder = "/usr/share/vulkan/icd.d";
  return host.exists(folder) ? readdirSync(folder).map((name) => `${folder}/${name}`) : [];
}

function installedBrowser(engine: Engine, host: Host): string | undefined {
  return candidates(engine, host).find((path) => host.exists(path));
}

function candidates(engine: Engine, { platform, env }: Host): string[] {
  switch (platform) {
    case "darwin":
      return ["/Applications", join(env.HOME ?? "", "Applications")].flatMap((folder) =>
        macApplications[engine].map((application) => join(folder, application)),
      );
    case "win32":
      return [env.PROGRAMFILES, env["PROGRAMFILES(X86)"], env.LOCALAPPDATA]
        .filter((folder) => folder !== undefined)
        .flatMap((folder) => windowsPrograms[engine].map((program) => join(folder, ...program)));
    default: {
      const folders = new Set([
        ...(env.PATH ?? "").split(delimiter),
        "/usr/bin",
        "/usr/local/bin",
        "/snap/bin",
      ]);
      return commands[engine].flatMap((command) => [...folders].map((folder) => join(folder, command)));
    }
  }
}

const canInstall = (host: Host): boolean =>
  host.platform === "linux" && host.isRoot && host.exists("/etc/debian_version");

function advice(engine: Engine, host: Host): string {
  return host.platform === "linux" && host.exists("/etc/debian_version")
    ? `install it (sudo apt-get install ${debianPackages[engine].join(" ")})`
    : `install it (npx puppeteer browsers install ${engine})`;
}

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
