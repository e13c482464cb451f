import { describe, expect, it } from "vitest";
import { capabilitiesOf } from "../../../src/gpu/device.ts";
import { Tuning } from "../../../src/gpu/tuning.ts";
import { isCpu } from "../../../src/kernel/capabilities.ts";

const device = { features: new Set(["subgroups"]) } as unknown as GPUDevice;

/** What kernels may rely on where an adapter says this of itself. */
const capabilities = (info: Partial<GPUAdapterInfo> | undefined) =>
  capabilitiesOf(device, info as GPUAdapterInfo | undefined, new Tuning("an adapter"));

describe("what an adapter says of itself", () => {
  it("tells a CPU by its name or because it is a fallback", () => {
    const firefox = { vendor: "", architecture: "", subgroupMinSize: 4, subgroupMaxSize: 128 };
    expect(isCpu(capabilities({ ...firefox, isFallbackAdapter: true }))).toBe(true);
    expect(isCpu(capabilities({ ...firefox, isFallbackAdapter: false }))).toBe(false);
    expect(isCpu(capabilities({ vendor: "google", architecture: "swiftshader" }))).toBe(true);
    expect(isCpu(capabilities({ vendor: "mesa", description: "llvmpipe (LLVM 19.1.7, 256 bits)" }))).toBe(
      true,
    );
    expect(isCpu(capabilities({ description: "Microsoft Basic Render Driver" }))).toBe(true);
    expect(isCpu(capabilities(undefined))).toBe(false);
  });

  it("does not make a CPU of a GPU with small subgroups", () => {
    const mali = { vendor: "arm", architecture: "bifrost", subgroupMinSize: 8, subgroupMaxSize: 8 };
    expect(isCpu(capabilities(mali))).toBe(false);
  });

  it("is left out where a browser does not say it", () => {
    const unnamed = capabilities({ vendor: "", architecture: "" });
    for (const fact of ["vendor", "architecture", "subgroupMinSize", "subgroupMaxSize"]) {
      expect(unnamed).not.toHaveProperty(fact);
    }
    const known = { vendor: "nvidia", architecture: "ampere", subgroupMinSize: 32, subgroupMaxSize: 32 };
    expect(capabilities(known)).toMatchObject(known);
  });
});
