/** The GPUs whose compilers Mesa has, by the names that Mesa gives them. */

export type Vendor = "amd" | "intel";

/** What is compiled for where nothing else is asked: two generations of AMD's, three of Intel's. */
export const GPUS = ["navi21", "navi31", "tgl", "dg2", "lnl"] as const;

/** Intel's platforms in Mesa's src/intel/dev/intel_device_info.c; every other name is left to RADV. */
const INTEL = /^(skl|kbl|cfl|icl|tgl|rkl|adl|rpl|dg1|dg2|mtl|arl|lnl|bmg|ptl)$/;

export const vendorOf = (gpu: string): Vendor => (INTEL.test(gpu) ? "intel" : "amd");

/** The subgroup size that the library asks for on a GPU, if any: the smallest that it has; see `narrowSubgroups`. */
export function subgroupSizeOf(gpu: string): number | undefined {
  if (vendorOf(gpu) !== "intel") return undefined;
  return /^(lnl|bmg|ptl)$/.test(gpu) ? 16 : 8;
}

/** Mesa's driver for a vendor. */
export const DRIVERS = { amd: "libvulkan_radeon.so", intel: "libvulkan_intel.so" } as const;

/** What makes the driver take a GPU that is not there for one that is, and print what it compiles for it. */
export function environmentOf(gpu: string, shim: string | undefined): Record<string, string> {
  if (vendorOf(gpu) === "amd") {
    return { RADV_FORCE_FAMILY: gpu, RADV_DEBUG: "shaders,shaderstats,nocache" };
  }
  return {
    LD_PRELOAD: shim!,
    INTEL_STUB_GPU: "true",
    INTEL_STUB_GPU_PLATFORM: gpu,
    INTEL_DEBUG: "cs",
  };
}
