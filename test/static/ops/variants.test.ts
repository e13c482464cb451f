import { describe, expect, it } from "vitest";
import type { Geometry } from "../../../src/base/window.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Dispatch } from "../../../src/graph/op.ts";
import type { Capabilities, Task } from "../../../src/kernel/capabilities.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { lower } from "../../../src/ops/lower.ts";
import { recorder } from "../../../src/ops/tunable.ts";
import { convPasses, convTask } from "../../support/models/tuning.ts";

const SMALL_SUBGROUPS: Capabilities = { features: ["subgroups"], subgroupMaxSize: 4 };

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
    expect(splits("4x16_quad_flat")).toBe(8);
    expect(splits("4x16_quad_flat_more_splits")).toBe(29);
    expect(splits("4x16_quad_flat_fewer_splits")).toBe(2);
  });

  it("share through workgroup memory on a GPU, in larger tiles the larger the product", () => {
    const gpu: Capabilities = { features: ["subgroups"], subgroupMaxSize: 32 };
    expect(kernelsOn(gpu, [32, 56, 56, 128], [3, 3, 128, 128])).toEqual([
      "forward_8x8_workgroup_16x8",
      "grad_weight_8x8_workgroup_16x8",
      "grad_input_8x8_workgroup_16x8",
    ]);
    expect(kernelsOn(gpu, [4, 28, 28, 64], [3, 3, 64, 64])).toEqual([
      "forward_4x4_workgroup_16x16",
      "grad_weight_8x8_workgroup_8x8",
      "grad_input_4x4_workgroup_16x16",
    ]);
    // Most of a workgroup's block would be padding.
    expect(kernelsOn(gpu, [4, 30, 30, 3], [3, 3, 3, 24])).toEqual([
      "forward_4x4_workgroup_32x4",
      "grad_weight_narrow_4x8_none_flat",
      "grad_input_4x4_none_flat",
    ]);
    for (const name of kernelsOn(gpu, [1, 4, 4, 4], [3, 3, 4, 4])) expect(name).toContain("_none_");
  });

  it("use no workgroup memory on a CPU, and quads where there are subgroups", () => {
    for (const software of [true, false]) {
      const device = { ...SMALL_SUBGROUPS, software };
      // The largest tile, once there is enough to do for it to be worth compiling.
      expect(kernelsOn(device, [64, 28, 28, 64], [7, 7, 64, 64])).toEqual([
        "forward_8x16_quad_nested",
        "grad_weight_4x16_quad_flat",
        "grad_input_8x16_quad_nested",
      ]);
      for (const name of kernelsOn(device)) expect(name).toMatch(/4x16_quad_flat$/);
    }
    expect(kernelsOn(SMALL_SUBGROUPS, [4, 30, 30, 3], [3, 3, 3, 24])).toEqual([
      "forward_4x16_quad_flat",
      "grad_weight_narrow_8x8_none_flat",
      "grad_input_4x4_none_flat",
    ]);
    for (const name of kernelsOn({ features: [], software: true })) expect(name).toMatch(/8x8_none_\w+$/);
  });

  it("are Winograd's on a CPU, where they save more than transforms cost", () => {
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
    expect(guess({}, { features: ["subgroups"], subgroupMaxSize: 32 })).toEqual(none);
    // Few channels, and maps that tiles do not fill or that are too few for their filters.
    expect(guess({ C: 3 }, SMALL_SUBGROUPS)).toEqual(none);
    expect(guess({ H: 2, W: 2, P: 2, Q: 2 }, SMALL_SUBGROUPS)).toEqual(none);
    const last = { N: 1, H: 7, W: 7, P: 7, Q: 7, C: 512, K: 512 };
    expect(guess(last, SMALL_SUBGROUPS)).toEqual(none);
    expect(guess({ STRIDE_H: 2, STRIDE_W: 2, P: 7, Q: 7 }, SMALL_SUBGROUPS)).toEqual(none);
  });
});
