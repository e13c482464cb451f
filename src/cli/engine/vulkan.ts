/** Which Vulkan driver, and with it which adapter, an engine gets. Chrome alone brings and finds its own. */
import { existsSync, readdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import type { Engine } from "./engines.ts";
import { canInstall, type Host, thisHost } from "./host.ts";

/** Which adapter to use: the machine's GPU, or one emulated by the CPU. */
export type Gpu = "hardware" | "software";

const LOADER = "libvulkan.so.1";

/** A GPU emulated by the CPU. */
interface SoftwareDriver {
  /** Paths of its description, the first one of which is taken. */
  find(host: Host): Promise<readonly string[]>;
  /** The Debian packages that bring it. */
  readonly packages: readonly string[];
}

/** Chromium's; a description and a loader lie beside it. */
const swiftshader: SoftwareDriver = {
  packages: ["chromium"],
  async find(host) {
    const browser = host.env.CHROME_PATH ?? (await host.cached("chrome"));
    const folders = [
      ...(browser ? [dirname(browser)] : []),
      ...["chromium", "chromium-browser"].flatMap((name) => [`/usr/lib/${name}`, `/usr/lib64/${name}`]),
      ...["google/chrome", "chromium.org/chromium", "microsoft/msedge"].map((name) => `/opt/${name}`),
    ];
    return folders.map((folder) => join(folder, "vk_swiftshader_icd.json")).filter(host.exists);
  },
};

/** Mesa's llvmpipe. */
const lavapipe: SoftwareDriver = {
  packages: ["mesa-vulkan-drivers"],
  find: async ({ list }) =>
    list("/usr/share/vulkan/icd.d").filter((path) => /[\\/]lvp_icd[^\\/]*\.json$/.test(path)),
};

/** In the order in which they are tried. Dawn takes no Mesa before 23; wgpu gets f16 from Mesa only. */
const softwareDrivers: Readonly<Record<Exclude<Engine, "chrome">, readonly SoftwareDriver[]>> = {
  firefox: [lavapipe],
  node: [swiftshader, lavapipe],
  deno: [lavapipe, swiftshader],
};

/**
 * The environment that gives an engine on Linux a software adapter; installs a driver if there is none and this is
 * possible. Empty where nothing was found, and where the caller's environment names a driver.
 */
export async function softwareVulkan(
  engine: Exclude<Engine, "chrome">,
  host: Host = thisHost,
): Promise<Readonly<Record<string, string>>> {
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH } = host.env;
  if (host.platform !== "linux" || VK_DRIVER_FILES || VK_ICD_FILENAMES) return {};
  const drivers = softwareDrivers[engine];
  const find = async (): Promise<string | undefined> => {
    for (const driver of drivers) {
      const [path] = await driver.find(host);
      if (path) return path;
    }
    return undefined;
  };
  let found = await find();
  if (!found && canInstall(host)) {
    host.install(drivers[0]!.packages);
    found = await find();
  }
  if (!found) return {};
  const folder = dirname(found);
  return {
    ...{ VK_DRIVER_FILES: found, VK_ICD_FILENAMES: found },
    // The system may have no loader of its own.
    ...(host.exists(join(folder, LOADER)) && {
      LD_LIBRARY_PATH: [LD_LIBRARY_PATH, folder].filter(Boolean).join(delimiter),
    }),
  };
}

/** Launches with the GPU of this machine, or with a software adapter if it seems to have none or it does not work. */
export async function withBestGpu<T>(launch: (gpu: Gpu) => Promise<T>): Promise<T> {
  if (!hasGpu()) return launch("software");
  try {
    return await launch("hardware");
  } catch (error) {
    // On servers and in containers a driver often cannot be used; the software adapter still works.
    process.stderr.write(
      `webgraft: ${(error as Error).message}\nwebgraft: trying a software adapter instead\n`,
    );
    return launch("software");
  }
}

/** Whether this machine seems to have a GPU. */
function hasGpu(): boolean {
  if (process.platform !== "linux") return true;
  const renders =
    existsSync("/dev/dri") && readdirSync("/dev/dri").some((name) => name.startsWith("renderD"));
  return renders || existsSync("/dev/nvidia0");
}
