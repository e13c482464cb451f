import { describe, expect, it } from "vitest";
import type { Geometry } from "../../../src/base/window.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Dispatch } from "../../../src/graph/op.ts";
import {
  type Capabilities,
  MATRIX_FEATURE,
  type MatrixUnits,
  type Task,
} from "../../../src/kernel/capabilities.ts";
import { resnet } from "../../../src/models/index.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { lower } from "../../../src/ops/lower.ts";
import { recorder } from "../../../src/ops/tunable.ts";
import { programOf } from "../../support/models/programs.ts";
import { convPasses, convTask, smallTask } from "../../support/models/tuning.ts";

const SMALL_SUBGROUPS: Capabilities = { features: ["subgroups"], software: true };
const GPU: Capabilities = { features: ["subgroups"] };

/** Launches of a convolution without padding, forward and backward, on a device. */
function launchesOn(
  device: Capabilities,
  x: readonly number[] = [4, 28, 28, 64],
  weight: readonly number[] = [5, 5, 64, 64],
): readonly Dispatch[] {
  const graph = new Graph({ mode: "train", device });
  const inputs = {
    x: graph.input("x", x, "f32", true),
    weight: graph.input("w", weight, "f32", true),
    bias: undefined,
  };
  const attrs = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 } as const;
  const { y } = graph.apply(conv2dOp, "conv", inputs, attrs);
  const { dispatches } = lower(graph, [[y, graph.input("dy", y.shape)]]);
  return dispatches.filter(({ kernel }) => kernel.name.startsWith("conv2d"));
}

const kernelsOn = (...given: Parameters<typeof launchesOn>): string[] =>
  launchesOn(...given).map(({ kernel }) => kernel.name.replace("conv2d_", ""));

describe("variants of a convolution", () => {
  it.each([["any device", { features: [] }] as const, ["small subgroups", SMALL_SUBGROUPS] as const])(
    "have names of their own, the heuristic's first, on %s",
    (_, device) => {
      const { device: asked, tasks } = recorder(device);
      kernelsOn(asked);
      expect(tasks.map(({ pass }) => pass)).toEqual(["forward", "grad_weight", "grad_input"]);
      const guessed = kernelsOn(device);
      for (const task of tasks) {
        const names = task.variants(device).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        expect(names.length).toBeGreaterThan(3);
        expect(guessed).toContain(`${task.pass}_${names[0]}`);
      }
    },
  );

  it("are taken from the table where it names one that fits, else from the heuristic", () => {
    const device: Capabilities = { features: [] };
    const tuned = ({ pass }: Task): string | undefined =>
      ({
        forward: "4x4_none_flat",
        grad_input: "8x16_quad_nested",
        grad_weight: "of another version",
      })[pass];
    const [forward, ...backward] = kernelsOn(device);
    expect(kernelsOn({ ...device, tuned })).toEqual(["forward_4x4_none_flat", ...backward]);
    expect(forward).not.toBe("forward_4x4_none_flat");
  });

  it("split a sum into more or fewer parts than the heuristic", () => {
    const splits = (name: string): number => {
      const tuned = ({ pass }: Task) => (pass === "grad_weight" ? name : undefined);
      const launches = launchesOn({ ...SMALL_SUBGROUPS, tuned }, [8, 28, 28, 16], [3, 3, 16, 16]);
      return launches.find(({ kernel }) => kernel.name.includes("grad_weight"))!.constants.SPLITS!;
    };
    expect(splits("4x16_quad_flat")).toBe(4);
    expect(splits("4x16_quad_flat_more_splits")).toBe(15);
    expect(splits("4x16_quad_flat_fewer_splits")).toBe(1);
  });

  it("share through workgroup memory on a GPU, in larger tiles the larger the product", () => {
    expect(kernelsOn(GPU, [32, 56, 56, 128], [5, 5, 128, 128])).toEqual([
      "forward_8x8_workgroup_16x8",
      "grad_weight_8x8_workgroup_16x8",
      "grad_input_8x8_workgroup_16x8",
    ]);
    expect(kernelsOn(GPU, [4, 28, 28, 64], [5, 5, 64, 64])).toEqual([
      "forward_4x4_workgroup_16x16",
      "grad_weight_4x4_workgroup_16x16",
      "grad_input_4x4_workgroup_16x16",
    ]);
    // Of the other groups most would be padding.
    expect(kernelsOn(GPU, [128, 32, 32, 16], [3, 3, 16, 16])).toEqual([
      "forward_4x4_workgroup_32x4",
      "grad_weight_narrow_4x4_workgroup_32x4",
      "grad_input_4x4_workgroup_32x4",
    ]);
  });

  it("have tiles for which there are registers, by vendor", () => {
    const tiles = (device: Partial<Capabilities>) =>
      new Set(
        kernelsOn({ ...GPU, ...device }, [32, 28, 28, 512], [5, 5, 512, 512]).map(
          (name) => /\d+x\d+_workgroup.*/.exec(name)![0],
        ),
      );
    for (const vendor of ["nvidia", "amd"])
      expect(tiles({ vendor })).toEqual(new Set(["8x8_workgroup_16x8"]));
    expect(tiles({ vendor: "apple" })).toEqual(new Set(["4x8_workgroup_16x8"]));
    expect(tiles({ vendor: "arm" })).toEqual(new Set(["4x4_workgroup_16x16"]));
    expect(tiles({ vendor: "intel" })).toEqual(new Set(["4x4_workgroup_16x16"]));
    expect(tiles({ vendor: "intel", subgroupSize: 8 })).toEqual(new Set(["4x8_workgroup_16x8_subgroups_8"]));
  });

  it("multiply by matrix units where a device has some that are no narrower than its numbers", () => {
    const byUnits = (device: Capabilities) =>
      convPasses.flatMap((pass) => {
        const variants = smallTask(pass, device.activations).variants(device);
        const found = variants.filter(({ name }) => name.endsWith("_matrix"));
        // No heuristic takes them; as the tuner sees them they vary no other, and what is rounded is said.
        expect(found).not.toContain(variants[0]);
        return found.map(({ name, varies, error }) => [name, varies, error > 1]);
      });
    const units = (element: "f32" | "f16"): MatrixUnits => ({ element, by: (kernel) => kernel });
    const [single, half] = [units("f32"), units("f16")];
    const plain = Array(3).fill(["4x8_workgroup_16x8_matrix", undefined, false]);
    const rounded = Array(3).fill(["4x8_workgroup_16x8_half_matrix", undefined, true]);
    const mixed = { activations: "f16" } as const;
    expect(byUnits(GPU)).toEqual([]);
    expect(byUnits({ ...GPU, matrixUnits: [] })).toEqual([]);
    expect(byUnits({ ...GPU, matrixUnits: [single] })).toEqual(plain);
    expect(byUnits({ ...GPU, matrixUnits: [half] })).toEqual([]);
    expect(byUnits({ ...GPU, ...mixed, matrixUnits: [half] })).toEqual(rounded);
    expect(byUnits({ ...GPU, ...mixed, matrixUnits: [single] })).toEqual(plain);
    expect(byUnits({ ...GPU, software: true, matrixUnits: [single] })).toEqual([]);
    // A kernel of features that the device lacks.
    const unknown: MatrixUnits = {
      element: "f32",
      by: (kernel) => ({ ...kernel, features: [MATRIX_FEATURE] }),
    };
    expect(byUnits({ ...GPU, matrixUnits: [unknown] })).toEqual([]);
  });

  it("use no workgroup memory on a CPU, and quads where there are subgroups", () => {
    // The largest tile, once there is enough to do for it to be worth compiling.
    expect(kernelsOn(SMALL_SUBGROUPS, [64, 28, 28, 64], [7, 7, 64, 64])).toEqual([
      "forward_8x16_quad_nested",
      "grad_weight_4x16_quad_flat",
      "grad_input_8x16_quad_nested",
    ]);
    for (const name of kernelsOn(SMALL_SUBGROUPS)) expect(name).toMatch(/4x16_quad_flat$/);
    expect(kernelsOn(SMALL_SUBGROUPS, [4, 30, 30, 3], [3, 3, 3, 24])).toEqual([
      "forward_4x16_quad_flat",
      "grad_weight_narrow_8x8_none_flat",
      "grad_input_4x4_none_flat",
    ]);
  });

  it("are of large tiles on a CPU without subgroups, where they are not mostly padding", () => {
    const device: Capabilities = { features: [], software: true };
    for (const name of kernelsOn(device)) expect(name).toMatch(/16x16_none_flat$/);
    expect(kernelsOn(device, [4, 30, 30, 8], [3, 3, 8, 40])).toEqual([
      "forward_16x16_none_flat",
      "grad_weight_8x8_none_flat",
      "grad_input_16x8_none_flat",
    ]);
    // Elsewhere they lose.
    for (const other of [SMALL_SUBGROUPS, { features: [] }]) {
      for (const C of [3, 8, 64]) {
        for (const name of kernelsOn(other, [4, 30, 30, C], [3, 3, C, 24]))
          expect(name).not.toMatch(/16x\d+_none/);
      }
    }
  });

  it("are Winograd's, where they save more than transforms cost", () => {
    const guess = (changes: Partial<Geometry>, device: Capabilities) =>
      convPasses.map((pass) => {
        const given = {
          ...{ N: 32, H: 14, W: 14, C: 32, K: 64, R: 3, S: 3, P: 14, Q: 14 },
          ...{ STRIDE_H: 1, STRIDE_W: 1, DILATION_H: 1, DILATION_W: 1, PAD_TOP: 1, PAD_LEFT: 1 },
        };
        return convTask(pass, { ...given, ...changes }).variants(device)[0]!.name === "winograd_4x4";
      });
    const [all, none] = [Array(3).fill(true), Array(3).fill(false)];
    expect(guess({}, { features: [], software: true })).toEqual(all);
    expect(guess({}, SMALL_SUBGROUPS)).toEqual(all);
    expect(guess({}, GPU)).toEqual(none);
    // Few channels, and maps that tiles do not fill or that are too few for their filters.
    expect(guess({ C: 3 }, SMALL_SUBGROUPS)).toEqual(none);
    expect(guess({ H: 2, W: 2, P: 2, Q: 2 }, SMALL_SUBGROUPS)).toEqual(none);
    const last = { N: 1, H: 7, W: 7, P: 7, Q: 7, C: 512, K: 512 };
    expect(guess(last, SMALL_SUBGROUPS)).toEqual(none);
    expect(guess({ STRIDE_H: 2, STRIDE_W: 2, P: 7, Q: 7 }, SMALL_SUBGROUPS)).toEqual(none);
    // A GPU multiplies much faster than it loads, so it takes more channels; and f16 is there to save memory.
    expect(guess({ C: 256, K: 256 }, GPU)).toEqual(all);
    expect(guess({ C: 256, K: 256 }, { ...GPU, activations: "f16" })).toEqual(none);
    // Whose images are taken some at a time, so that a large batch has no tiles that cannot be bound.
    expect(guess({ C: 256, K: 256, N: 4096 }, GPU)).toEqual(all);
    // Its filters may take what keeps a GPU busy, and no more than that or inputs and outputs.
    expect(guess({ C: 512, K: 512, H: 7, W: 7, P: 7, Q: 7 }, GPU)).toEqual(all);
    expect(guess({ C: 768, K: 768, H: 7, W: 7, P: 7, Q: 7 }, GPU)).toEqual(none);
  });
});

describe("variations of a kernel", () => {
  const RDNA3: Capabilities = {
    ...{
      features: ["shader-f16", "subgroups", "subgroup-size-control"],
      vendor: "amd",
      architecture: "rdna-3",
    },
    ...{ subgroupMinSize: 32, subgroupMaxSize: 64 },
  };
  const LARGE = ["4x8_workgroup_16x8", "8x8_workgroup_16x8", "8x8_workgroup_8x8"];
  const ALL = [...LARGE, "4x4_workgroup_16x16", "4x4_workgroup_8x8"];
  const geometry: Geometry = {
    ...{ N: 32, H: 28, W: 28, C: 512, K: 512, R: 5, S: 5, P: 28, Q: 28, STRIDE_H: 1, STRIDE_W: 1 },
    ...{ DILATION_H: 1, DILATION_W: 1, PAD_TOP: 2, PAD_LEFT: 2 },
  };

  /** The kernels of which the tuner may try one, in every pass. */
  function offered(variation: string, device: Capabilities, dtype?: "f16"): string[] {
    const lists = convPasses.map((pass) =>
      convTask(pass, geometry, dtype)
        .variants(device)
        .flatMap(({ name, varies }) => (name === `${varies}_${variation}` ? [varies!] : [])),
    );
    return lists[0]!.filter((name) => lists.every((list) => list.includes(name))).sort();
  }
  const ahead = (device: Capabilities) => offered("ahead", device);
  const half = (device: Capabilities) => offered("half_panel", device, "f16");
  const waves = (device: Capabilities) => offered("subgroups_32", device);

  it("load panels ahead of large tiles, but not on Intel, where there are no registers, nor on a CPU", () => {
    for (const vendor of ["nvidia", "amd", "apple", "arm"]) {
      expect(ahead({ features: [], vendor }), vendor).toEqual(LARGE);
    }
    expect(ahead({ ...RDNA3, vendor: "intel" })).toEqual([]);
    expect(ahead({ ...RDNA3, software: true })).toEqual([]);
  });

  it("have f16 in panels where activations are, and converting costs nothing", () => {
    for (const vendor of ["amd", "apple"]) {
      expect(half({ ...RDNA3, vendor }), vendor).toEqual([...ALL].sort());
      expect(offered("half_panel", { ...RDNA3, vendor }), vendor).toEqual([]);
    }
    for (const vendor of ["nvidia", "intel"]) expect(half({ ...RDNA3, vendor }), vendor).toEqual([]);
    expect(half({ features: ["subgroups"], vendor: "apple" })).toEqual([]);
  });

  it("run in subgroups of 32 on RDNA 3 and later", () => {
    expect(waves(RDNA3)).toEqual(LARGE);
    expect(waves({ ...RDNA3, architecture: "rdna-4" })).toEqual(LARGE);
    expect(waves({ ...RDNA3, architecture: "rdna-2" })).toEqual([]);
    expect(waves({ ...RDNA3, features: ["shader-f16", "subgroups"] })).toEqual([]);
    expect(waves({ ...RDNA3, subgroupMinSize: 64 })).toEqual([]);
    expect(waves({ ...RDNA3, vendor: "nvidia", subgroupMaxSize: 32 })).toEqual([]);
  });

  it("are never the heuristic's choice, and come last", () => {
    for (const dtype of [undefined, "f16"] as const) {
      for (const pass of convPasses) {
        const variants = convTask(pass, geometry, dtype).variants(RDNA3);
        expect(variants[0]!.varies).toBeUndefined();
        const first = variants.findIndex(({ varies }) => varies);
        expect(variants.slice(first).every(({ varies }) => varies)).toBe(true);
      }
    }
  });

  it("are allowed the error of weights in f16, where they are that in panels", () => {
    const variants = convTask("forward", geometry, "f16").variants(RDNA3);
    for (const { name, error } of variants.filter(({ varies }) => varies)) {
      expect(1e-6 * error, name).toBeCloseTo(name.endsWith("_half_panel") ? 2 ** -11 : 1e-6, 12);
    }
  });

  it("are launched where the table names them, beside batch norms too where there is such a version", () => {
    const kernels = (variation: string, precision: "f32" | "mixed") => {
      const tuned = ({ op }: Task) => (op === "conv2d" ? `8x8_workgroup_8x8_${variation}` : undefined);
      const { dispatches } = programOf(resnet(18), 2, "train", { device: { ...RDNA3, tuned }, precision });
      return dispatches.map(({ kernel }) => kernel.name).join(" ");
    };
    const base = "8x8_workgroup_8x8";
    for (const variation of ["ahead", "subgroups_32"]) {
      const names = kernels(variation, "f32");
      for (const family of [
        "forward",
        "forward_between",
        "grad_input",
        "grad_input_sums",
        "grad_weight_after",
      ]) {
        expect(names).toContain(`conv2d_${family}_${base}_${variation}`);
      }
    }
    const names = kernels("half_panel", "mixed");
    expect(names).toContain(`conv2d_forward_${base}_half_panel_half_x`);
    expect(names).toContain(`conv2d_grad_weight_after_${base}_half_panel_half_x_dy`);
    // The sums of batch norms are f32 in the panel.
    expect(names).toContain(`conv2d_forward_between_${base}_half_x_y`);
    expect(names).toContain(`conv2d_grad_input_sums_${base}_half`);
  });
});
