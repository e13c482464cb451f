/** Devices whose driver computes wrong. */
import { expect } from "vitest";
import type { Gpu } from "../../../src/gpu/device.ts";

/** Lets the driver compile another text for the kernels that `is` accepts, and counts them. */
export function miscompile(
  { device }: Gpu,
  is: (kernel: string) => boolean,
  spoil: (wgsl: string) => string,
): { count: number } {
  const compile = device.createShaderModule.bind(device);
  const spoilt = { count: 0 };
  device.createShaderModule = (given) => {
    if (!is(given.label ?? "")) return compile(given);
    const code = spoil(given.code);
    expect(code).not.toBe(given.code);
    spoilt.count++;
    return compile({ ...given, code });
  };
  return spoilt;
}

/** One pixel to the left: a gradient that is wrong, but not by much. */
export const shifted = (wgsl: string): string => wgsl.replaceAll("args.PAD_LEFT", "(args.PAD_LEFT + 1u)");
