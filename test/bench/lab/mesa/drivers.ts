/** Mesa's drivers and what lets them run without a GPU: made once, kept under node_modules/.cache. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Debian } from "./debian.ts";
import { run } from "./run.ts";

/** Mesa's drivers. */
export const DRIVERS = { amd: "libvulkan_radeon.so", intel: "libvulkan_intel.so" } as const;

export type MesaVendor = keyof typeof DRIVERS;

export interface Drivers {
  /** Holds the files of `DRIVERS`. */
  readonly folder: string;
  /** A Vulkan driver that lets another one compile and do nothing else. */
  readonly nullDriver: string;
  /** A library that pretends an Intel GPU, where one is asked for. */
  readonly shim?: string;
}

export const CACHE = fileURLToPath(
  new URL("../../../../node_modules/.cache/webgraft/gpu-lab", import.meta.url),
);
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** `given` is a folder of drivers to use instead; `onWork` is told what takes long. */
export function prepareDrivers(
  vendor: MesaVendor,
  given: string | undefined,
  onWork: (what: string) => void,
): Drivers {
  if (process.platform !== "linux" || (process.arch !== "x64" && !given)) {
    throw new Error(
      `the lab runs Mesa's drivers on x86-64 Linux — this is ${process.platform} ${process.arch}`,
    );
  }
  mkdirSync(CACHE, { recursive: true });
  let debian: Debian | undefined;
  const archive = (): Debian => {
    debian ??= new Debian(join(CACHE, "debian"));
    return debian;
  };

  const mesa = join(CACHE, "mesa");
  const folder = given ? resolve(given) : join(mesa, "usr/lib/x86_64-linux-gnu");
  if (!given && !existsSync(mesa)) {
    onWork("downloading Mesa's drivers");
    archive().unpack("mesa-vulkan-drivers", `${mesa}.part`);
    renameSync(`${mesa}.part`, mesa);
  }
  checkLibraries(join(folder, DRIVERS[vendor]));

  const nullDriver = join(CACHE, "null-driver.so");
  run("cc", ["-shared", "-fPIC", "-O1", "-o", nullDriver, here("null-driver.c"), "-ldl"]);
  if (vendor !== "intel") return { folder, nullDriver };

  const shim = join(CACHE, "intel-shim.so");
  if (!existsSync(shim)) {
    onWork("downloading Mesa's source and building Intel's shim");
    run("bash", [here("build-intel-shim.sh"), shim, archive().source("mesa")]);
  }
  return { folder, nullDriver, shim };
}

function checkLibraries(driver: string): void {
  if (!existsSync(driver)) throw new Error(`${driver} is not there`);
  const missing = [...run("ldd", [driver]).matchAll(/^\s*(\S+) => not found/gm)].map(([, name]) => name);
  if (missing.length > 0) {
    throw new Error(
      `${driver} needs ${missing.join(", ")}: apt-get install mesa-vulkan-drivers libvulkan1, which need them too`,
    );
  }
}
