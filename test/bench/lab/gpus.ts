/** GPUs by the names that their compilers give them. */
import type { Capabilities } from "../../../src/kernel/capabilities.ts";

export type Vendor = "amd" | "intel" | "nvidia";

/** What is compiled for where nothing else is asked: two generations of AMD's, three of Intel's. */
export const GPUS = ["navi21", "navi31", "tgl", "dg2", "lnl"] as const;

/** Intel's platforms in Mesa's src/intel/dev/intel_device_info.c; every other name is left to RADV. */
const INTEL = /^(skl|kbl|cfl|icl|tgl|rkl|adl|rpl|dg1|dg2|mtl|arl|lnl|bmg|ptl)$/;
const NVIDIA = /^sm_\d+$/;

export function vendorOf(gpu: string): Vendor {
  if (NVIDIA.test(gpu)) return "nvidia";
  return INTEL.test(gpu) ? "intel" : "amd";
}

/** What such a GPU's adapter would say, as far as variations of kernels depend on it. */
export function deviceOf(gpu: string): Capabilities {
  const vendor = vendorOf(gpu);
  const known = { features: [], vendor, activations: "f16" } as const;
  if (vendor === "intel") return { ...known, subgroupSize: 8 };
  if (vendor === "nvidia") return known;
  const architecture = /^(navi3|gfx11)/.test(gpu)
    ? "rdna-3"
    : /^(navi4|gfx12)/.test(gpu)
      ? "rdna-4"
      : "rdna-2";
  return { ...known, architecture, subgroupMinSize: 32, subgroupMaxSize: 64 };
}
