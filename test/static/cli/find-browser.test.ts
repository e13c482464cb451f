import { expect, test } from "vitest";
import { DeviceError } from "../../../src/base/errors.ts";
import { findBrowser } from "../../../src/cli/browser/find-browser.ts";
import type { Host } from "../../../src/cli/engine/host.ts";
import { softwareVulkan } from "../../../src/cli/engine/vulkan.ts";
import { findDeno } from "../../../src/cli/runtime/find-deno.ts";

/** A machine on which only `files` exist; `packages` collects what was installed, which adds `installs`. */
function fakeHost(options: Partial<Host> & { files?: string[]; installs?: string[] } = {}) {
  const files = new Set(options.files);
  const packages: string[] = [];
  const host: Host = {
    platform: "linux",
    env: { PATH: "/opt/bin:/usr/bin" },
    isRoot: false,
    exists: (path) => files.has(path),
    list: (folder) => [...files].filter((path) => path.startsWith(`${folder}/`)),
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

const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";
const LAVAPIPE = "/usr/share/vulkan/icd.d/lvp_icd.x86_64.json";

test("Node takes SwiftShader and Chromium's loader, Deno takes Mesa's driver, and either takes what there is", async () => {
  const both = fakeHost({ files: [SWIFTSHADER, LAVAPIPE, "/usr/lib/chromium/libvulkan.so.1"] }).host;
  expect(await softwareVulkan("node", both)).toEqual({
    VK_DRIVER_FILES: SWIFTSHADER,
    VK_ICD_FILENAMES: SWIFTSHADER,
    LD_LIBRARY_PATH: "/usr/lib/chromium",
  });
  const mesa = { VK_DRIVER_FILES: LAVAPIPE, VK_ICD_FILENAMES: LAVAPIPE };
  expect(await softwareVulkan("deno", both)).toEqual(mesa);
  expect(await softwareVulkan("firefox", both)).toEqual(mesa);
  expect(await softwareVulkan("node", fakeHost({ files: [LAVAPIPE] }).host)).toEqual(mesa);
  expect(await softwareVulkan("deno", fakeHost({ files: [SWIFTSHADER] }).host)).toMatchObject({
    VK_DRIVER_FILES: SWIFTSHADER,
  });
});

test("a driver that the environment names is kept", async () => {
  const { host } = fakeHost({ env: { VK_DRIVER_FILES: "/my/icd.json" }, files: [SWIFTSHADER, LAVAPIPE] });
  expect(await softwareVulkan("node", host)).toEqual({});
});

test.each([
  ["node", "chromium"],
  ["deno", "mesa-vulkan-drivers"],
  ["firefox", "mesa-vulkan-drivers"],
] as const)("a missing software driver for %s is installed where that can be done", async (engine, name) => {
  const root = fakeHost({
    ...{ isRoot: true, files: ["/etc/debian_version"] },
    installs: [SWIFTSHADER, LAVAPIPE],
  });
  expect(await softwareVulkan(engine, root.host)).not.toEqual({});
  expect(root.packages).toEqual([name]);

  const user = fakeHost({ files: ["/etc/debian_version"] });
  expect(await softwareVulkan(engine, user.host)).toEqual({});
  expect(user.packages).toEqual([]);
});

test("Deno is what DENO_PATH names, the npm package's or one in PATH; a missing one is an error", () => {
  const inPath = { files: ["/opt/bin/deno"] };
  const named = fakeHost({ ...inPath, env: { DENO_PATH: "/my/deno" } });
  expect(() => findDeno(named.host)).toThrow(/DENO_PATH=\/my\/deno; correct it, or unset/);
  expect(findDeno(fakeHost(inPath).host, () => "/packaged/deno")).toBe("/packaged/deno");
  expect(findDeno(fakeHost(inPath).host, () => undefined)).toBe("/opt/bin/deno");
  expect(() => findDeno(fakeHost().host, () => undefined)).toThrow(DeviceError);
});
