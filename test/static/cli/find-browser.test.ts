import { expect, test } from "vitest";
import { DeviceError } from "../../../src/base/errors.ts";
import { findBrowser, type Host, softwareVulkan } from "../../../src/cli/browser/find-browser.ts";

/** A machine on which only `files` exist; `packages` collects what was installed, which adds `installs`. */
function fakeHost(options: Partial<Host> & { files?: string[]; installs?: string[] } = {}) {
  const files = new Set(options.files);
  const packages: string[] = [];
  const host: Host = {
    platform: "linux",
    env: { PATH: "/opt/bin:/usr/bin" },
    isRoot: false,
    exists: (path) => files.has(path),
    cached: async () => undefined,
    install: (names) => {
      packages.push(...names);
      for (const path of options.installs ?? []) files.add(path);
    },
    ...options,
  };
  return { host, packages };
}

test("the environment names the browser", async () => {
  const { host } = fakeHost({
    env: { CHROME_PATH: "/my/chrome" },
    files: ["/my/chrome", "/usr/bin/chromium"],
  });
  expect(await findBrowser("chrome", host)).toBe("/my/chrome");
});

test("a path in the environment that does not exist is an error, not a reason to search on", async () => {
  const { host } = fakeHost({ env: { FIREFOX_PATH: "/gone/firefox" }, files: ["/usr/bin/firefox"] });
  await expect(findBrowser("firefox", host)).rejects.toThrow(DeviceError);
  await expect(findBrowser("firefox", host)).rejects.toThrow(
    /FIREFOX_PATH=\/gone\/firefox; correct it, or unset/,
  );
});

test("puppeteer's own download comes before the system's browser", async () => {
  const { host } = fakeHost({ cached: async () => "/cache/chrome", files: ["/usr/bin/chromium"] });
  expect(await findBrowser("chrome", host)).toBe("/cache/chrome");
});

test.each([
  ["chrome", "linux", "/opt/bin/chromium"],
  ["chrome", "linux", "/usr/bin/microsoft-edge"],
  ["firefox", "linux", "/usr/bin/firefox-esr"],
  ["chrome", "darwin", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"],
  ["firefox", "darwin", "/Users/me/Applications/Firefox.app/Contents/MacOS/firefox"],
] as const)("finds %s on %s at %s", async (engine, platform, path) => {
  const { host } = fakeHost({ platform, env: { PATH: "/opt/bin", HOME: "/Users/me" }, files: [path] });
  expect(await findBrowser(engine, host)).toBe(path);
});

test("without a browser the error says where it looked and what to do", async () => {
  const { host, packages } = fakeHost({ files: ["/etc/debian_version"] });
  await expect(findBrowser("chrome", host)).rejects.toThrow(
    /no Chrome, Chromium or Edge .* PATH .* apt-get install chromium.* set CHROME_PATH/,
  );
  expect(packages).toEqual([]);
  await expect(findBrowser("firefox", fakeHost({ platform: "darwin" }).host)).rejects.toThrow(
    /no Firefox .*npx puppeteer browsers install firefox/,
  );
});

test("root on Debian gets the browser installed", async () => {
  const { host, packages } = fakeHost({
    isRoot: true,
    files: ["/etc/debian_version"],
    installs: ["/usr/bin/firefox-esr"],
  });
  expect(await findBrowser("firefox", host)).toBe("/usr/bin/firefox-esr");
  expect(packages).toEqual(["firefox-esr", "mesa-vulkan-drivers"]);
});

test("an installation that brings no browser is still an error", async () => {
  const { host } = fakeHost({ isRoot: true, files: ["/etc/debian_version"] });
  await expect(findBrowser("chrome", host)).rejects.toThrow(DeviceError);
});

test("a missing software Vulkan driver is installed where that can be done", () => {
  const root = fakeHost({ isRoot: true, files: ["/etc/debian_version"] });
  softwareVulkan(root.host);
  expect(root.packages).toEqual(["mesa-vulkan-drivers"]);

  const user = fakeHost({ files: ["/etc/debian_version"] });
  expect(softwareVulkan(user.host)).toBeUndefined();
  expect(user.packages).toEqual([]);
});
