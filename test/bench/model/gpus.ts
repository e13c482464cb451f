/** GPUs that the step model knows, from what their makers and databases publish. */
import type { Capabilities } from "../../../src/kernel/capabilities.ts";

export interface ModelledGpu {
  /** What its adapter would say in Chrome on the system that it usually has. */
  readonly device: Capabilities;
  /** Multiply-adds in f32 count twice. */
  readonly teraflops: number;
  readonly gigabytesPerSecond: number;
  /** Parts that workgroups are given to: SMs, compute units, Xe cores, shader cores. */
  readonly cores: number;
  /** Multiply-adds in f32 that such a part begins in a cycle. */
  readonly lanes: number;
  /** From the end of a launch to the start of one that needs its result. */
  readonly launchMicroseconds: number;
  /** Whose compiler's figures it gets; see `shareOf`. */
  readonly lab: "navi21" | "navi31" | "tgl" | "dg2" | "sm_86" | "none";
  /** 32-bit registers that an invocation may have; only needed where no compiler has been asked. */
  readonly registers?: number;
  readonly source: string;
}

const COMMON = ["shader-f16", "subgroups", "subgroup-size-control", "timestamp-query"];

const gpu = (
  vendor: string,
  architecture: string,
  subgroups: readonly [min: number, max: number],
  rest: Omit<ModelledGpu, "device"> & { readonly device?: Partial<Capabilities> },
): ModelledGpu => ({
  ...rest,
  device: {
    ...{ features: COMMON, vendor, architecture, software: false },
    ...{ subgroupMinSize: subgroups[0], subgroupMaxSize: subgroups[1] },
    ...rest.device,
  },
});

/**
 * By name, as for `--gpu`. The time between launches is published for none of them: it is a guess by kind, from a few
 * microseconds, which pipeline barriers take on desktop GPUs, to what phones need.
 */
export const GPUS: Readonly<Record<string, ModelledGpu>> = {
  m2: gpu("apple", "common-3", [32, 32], {
    ...{ teraflops: 3.6, gigabytesPerSecond: 100, cores: 10, lanes: 128, launchMicroseconds: 6 },
    ...{ lab: "none", registers: 128 },
    source: "Apple M2, 10 GPU cores: Apple's announcement (3.6 TFLOPS, 100 GB/s); 128 ALUs a core: P. Turner",
  }),
  "m3-max": gpu("apple", "common-3", [32, 32], {
    ...{ teraflops: 14.1, gigabytesPerSecond: 400, cores: 40, lanes: 128, launchMicroseconds: 6 },
    ...{ lab: "none", registers: 128 },
    source: "Apple M3 Max, 40 GPU cores: Apple's specifications (400 GB/s); 40 × 128 ALUs at 1.38 GHz",
  }),
  "mali-g710": gpu("arm", "valhall", [16, 16], {
    ...{ teraflops: 0.76, gigabytesPerSecond: 51, cores: 7, lanes: 64, launchMicroseconds: 20 },
    ...{ lab: "none", registers: 64 },
    source: "Arm Mali-G710 MP7 of a Pixel 7: 64 FMA a core and cycle (Arm) at 848 MHz, LPDDR5 of 51 GB/s",
  }),
  "iris-xe": gpu("intel", "gen-12-lp", [8, 32], {
    ...{ teraflops: 2.07, gigabytesPerSecond: 68, cores: 6, lanes: 128, launchMicroseconds: 6 },
    ...{ lab: "tgl", device: { subgroupSize: 8 } },
    source: "Intel Iris Xe of a Core i7-1185G7: 96 EUs of 8 lanes at 1.35 GHz, LPDDR4x-4267 (Intel ARK)",
  }),
  "arc-a770": gpu("intel", "gen-12-hp", [8, 32], {
    ...{ teraflops: 17.2, gigabytesPerSecond: 560, cores: 32, lanes: 128, launchMicroseconds: 6 },
    ...{ lab: "dg2", device: { subgroupSize: 8 } },
    source: "Intel Arc A770: 32 Xe cores of 128 lanes at 2.1 GHz, 560 GB/s (Intel ARK)",
  }),
  rtx3060: gpu("nvidia", "ampere", [32, 32], {
    ...{ teraflops: 12.7, gigabytesPerSecond: 360, cores: 28, lanes: 128, launchMicroseconds: 4 },
    lab: "sm_86",
    source: "NVIDIA RTX 3060 12 GB: 28 SMs, 3,584 cores at 1.78 GHz, 360 GB/s (NVIDIA's specifications)",
  }),
  rtx4070: gpu("nvidia", "lovelace", [32, 32], {
    ...{ teraflops: 29.1, gigabytesPerSecond: 504, cores: 46, lanes: 128, launchMicroseconds: 4 },
    lab: "sm_86",
    source: "NVIDIA RTX 4070: 46 SMs, 5,888 cores at 2.48 GHz, 504 GB/s (NVIDIA's specifications)",
  }),
  rtx4090: gpu("nvidia", "lovelace", [32, 32], {
    ...{ teraflops: 82.6, gigabytesPerSecond: 1008, cores: 128, lanes: 128, launchMicroseconds: 4 },
    lab: "sm_86",
    source: "NVIDIA RTX 4090: 128 SMs, 16,384 cores at 2.52 GHz, 1,008 GB/s (NVIDIA's specifications)",
  }),
  rx6800: gpu("amd", "rdna-2", [32, 64], {
    ...{ teraflops: 16.2, gigabytesPerSecond: 512, cores: 60, lanes: 64, launchMicroseconds: 5 },
    lab: "navi21",
    source: "AMD Radeon RX 6800: 60 compute units of 64 lanes at 2.1 GHz, 512 GB/s (AMD's specifications)",
  }),
  rx7900xtx: gpu("amd", "rdna-3", [32, 64], {
    ...{ teraflops: 61.4, gigabytesPerSecond: 960, cores: 96, lanes: 128, launchMicroseconds: 5 },
    lab: "navi31",
    source: "AMD Radeon RX 7900 XTX: 96 compute units of 128 lanes (two at once) at 2.5 GHz, 960 GB/s (AMD)",
  }),
};
