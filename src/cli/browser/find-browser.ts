import { delimiter, join } from "node:path";
import { DeviceError } from "../../base/errors.ts";
import type { BrowserEngine } from "../engine/engines.ts";
import { canInstall, type Host, isDebian, thisHost } from "../engine/host.ts";

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

/**
 * The path of a browser of this engine: the one in `CHROME_PATH` or `FIREFOX_PATH`, else puppeteer's download, else one
 * installed on the system, else (as root on Debian) one installed now. Throws DeviceError if there is none.
 */
export async function findBrowser(engine: BrowserEngine, host: Host = thisHost): Promise<string> {
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

function installedBrowser(engine: BrowserEngine, host: Host): string | undefined {
  return candidates(engine, host).find((path) => host.exists(path));
}

function candidates(engine: BrowserEngine, { platform, env }: Host): string[] {
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

function advice(engine: BrowserEngine, host: Host): string {
  return isDebian(host)
    ? `install it (sudo apt-get install ${debianPackages[engine].join(" ")})`
    : `install it (npx puppeteer browsers install ${engine})`;
}
