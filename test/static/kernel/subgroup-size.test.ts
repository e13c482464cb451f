import { describe, expect, it } from "vitest";
import { prepareOp } from "../../../src/embed/forward.ts";
import { narrowSubgroups } from "../../../src/gpu/narrow-subgroups.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { halfBindings, withHalf } from "../../../src/kernel/half.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import * as shaders from "../../../src/kernel/shaders.gen.ts";
import { withSubgroupSize } from "../../../src/kernel/subgroup-size.ts";
import { interleaved } from "../../../src/models/index.ts";
import { conv2dOp } from "../../../src/ops/index.ts";
import { programOf } from "../../support/models/programs.ts";

const kernels: readonly Kernel[] = Object.values(shaders);
const tiled = kernels.filter(({ name }) => /_workgroup_\d+x\d+$/.test(name));

describe("kernels in subgroups of a given size", () => {
  it("differ in their first line and in one attribute", () => {
    expect(tiled.length).toBeGreaterThan(10);
    for (const kernel of tiled) {
      const narrow = withSubgroupSize(kernel, 8);
      expect(withSubgroupSize(kernel, 8)).toBe(narrow);
      expect(withSubgroupSize(kernel, undefined)).toBe(kernel);
      expect(narrow.features).toEqual(expect.arrayContaining(["subgroups", "subgroup-size-control"]));
      const lines = narrow.wgsl.split("\n");
      const before = kernel.wgsl.split("\n");
      expect(lines[0]).toBe(`enable subgroups;enable subgroup_size_control;${before[0]}`);
      const changed = lines.filter((line, i) => i > 0 && line !== before[i]);
      expect(changed).toEqual([expect.stringContaining("@compute @subgroup_size(8) @workgroup_size(")]);
      // A workgroup consists of whole subgroups.
      expect(kernel.workgroupSize[0] % 16).toBe(0);
    }
  });

  it("may have f16 in memory besides", () => {
    const kernel = tiled.find((kernel) => halfBindings(kernel).length > 0)!;
    const both = withHalf(withSubgroupSize(kernel, 16), halfBindings(kernel));
    expect(both.wgsl).toMatch(/^enable f16;enable subgroups;enable subgroup_size_control;/);
    expect(both.features).toEqual(["subgroups", "subgroup-size-control", "shader-f16"]);
  });

  it("are launched where the device names a size, for register tiles alone", () => {
    const device: Capabilities = { features: ["subgroups", "subgroup-size-control"], subgroupSize: 8 };
    const { dispatches } = programOf(interleaved(), 2, "train", { device });
    const narrow = dispatches.filter(({ kernel }) => kernel.wgsl.includes("@subgroup_size(8)"));
    expect(narrow.length).toBeGreaterThan(10);
    for (const { kernel } of narrow) expect(kernel.name).toMatch(/_\d+x\d+_.*_subgroups_8$/);
    const { dispatches: plain } = programOf(interleaved(), 2, "train", {
      device: { features: device.features },
    });
    for (const { kernel } of plain) expect(kernel.wgsl).not.toContain("@subgroup_size");
  });
});

describe("the size that frees registers", () => {
  /** A device whose driver compiles the sizes that it `takes`, and whatever names none. */
  function intel(
    takes: readonly number[],
    info: Partial<GPUAdapterInfo> = {},
    features: readonly string[] = ["subgroups", "subgroup-size-control"],
  ) {
    const said = { codes: [] as string[], openScopes: 0 };
    const device = {
      features: new Set(features),
      limits: { maxStorageBufferBindingSize: 2 ** 27, maxBufferSize: 2 ** 28 },
      adapterInfo: { vendor: "intel", subgroupMinSize: 8, subgroupMaxSize: 32, ...info },
      pushErrorScope: () => said.openScopes++,
      popErrorScope: () => {
        said.openScopes--;
        return Promise.resolve(null);
      },
      createShaderModule: ({ code }: { code: string }) => {
        said.codes.push(code);
        const size = /@subgroup_size\((\d+)\)/.exec(code)?.[1];
        return { size: size && Number(size), getCompilationInfo: async () => ({ messages: [] }) };
      },
      createBindGroupLayout: () => ({}),
      createPipelineLayout: () => ({}),
      createComputePipelineAsync: async ({ compute }: { compute: { module: { size?: number } } }) => {
        const { size } = compute.module;
        if (size === undefined || !takes.includes(size)) throw new Error("not this one");
      },
    } as unknown as GPUDevice;
    return { device, said };
  }

  async function found(...driver: Parameters<typeof intel>) {
    const { device, said } = intel(...driver);
    const size = await narrowSubgroups(device, device.adapterInfo);
    expect(said.openScopes).toBe(0);
    return size;
  }

  it("is the smallest that a compute shader on Intel may have, up to 16", async () => {
    expect(await found([8, 16, 32])).toBe(8);
    expect(await found([16, 32])).toBe(16);
    expect(await found([16, 32], { subgroupMinSize: 16 })).toBe(16);
    expect(await found([32])).toBeUndefined();
    expect(await found([])).toBeUndefined();
  });

  it("is not looked for elsewhere, nor without the feature", async () => {
    expect(await found([8], { vendor: "nvidia" })).toBeUndefined();
    expect(await found([8], {}, [])).toBeUndefined();
  });

  it("is looked for once, and leaves no error scope to what an app does meanwhile", async () => {
    const { device, said } = intel([16]);
    const first = narrowSubgroups(device, device.adapterInfo);
    expect(said).toMatchObject({ openScopes: 0, codes: [expect.any(String)] });
    expect(await first).toBe(16);
    expect(await narrowSubgroups(device, device.adapterInfo)).toBe(16);
    expect(said.codes).toHaveLength(2);
  });

  it("is that of an op on an app's own device", async () => {
    const { device, said } = intel([8]);
    const shapes = { x: [1, 8, 8, 64], weight: [3, 3, 64, 64] } as const;
    const attrs = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
    // Some kernel has no size, and this driver takes none such.
    await prepareOp(device, conv2dOp, shapes, attrs).catch(() => {});
    const kernels = said.codes.filter((code) => code.includes("fn tile_walk"));
    expect(kernels.length).toBeGreaterThan(0);
    for (const code of kernels) expect(code).toContain("@subgroup_size(8)");
  });
});
