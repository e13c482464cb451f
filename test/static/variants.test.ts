import { describe, expect, it } from "vitest";
import { Program } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Capabilities, Task } from "../../src/kernel.ts";
import { conv2dOp } from "../../src/ops/conv2d.ts";
import { variantsOf } from "../../src/ops/convolution.ts";

const SMALL_SUBGROUPS: Capabilities = { features: ["subgroups"], subgroupMaxSize: 4 };

/** Kernels of a 3×3 convolution of 28×28 images, forward and backward, on a device. */
function kernelsOn(device: Capabilities): string[] {
  const graph = new Graph({ mode: "train", device });
  const inputs = {
    x: graph.input("x", [4, 28, 28, 64], "f32", true),
    weight: graph.input("w", [3, 3, 64, 64], "f32", true),
    bias: undefined,
  };
  const attrs = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
  const { y } = graph.apply(conv2dOp, "conv", inputs, attrs);
  return new Program(graph, [[y, graph.input("dy", y.shape)]]).dispatches.map(({ kernel }) => kernel.name);
}

/** The tasks that building the same graph asks for. */
function tasksOn(device: Capabilities): Task[] {
  const tasks: Task[] = [];
  const tuned = (task: Task): undefined => {
    tasks.push(task);
  };
  kernelsOn({ ...device, tuned });
  return tasks;
}

describe("variants", () => {
  it.each([["any device", { features: [] }] as const, ["small subgroups", SMALL_SUBGROUPS] as const])(
    "have names of their own, the heuristic's first, on %s",
    (_, device) => {
      const tasks = tasksOn(device);
      expect(tasks.map(({ pass }) => pass)).toEqual(["forward", "grad_weight", "grad_input"]);
      const guessed = kernelsOn(device);
      for (const task of tasks) {
        const names = variantsOf(task, device).map(({ name }) => name);
        expect(new Set(names).size).toBe(names.length);
        expect(names.length).toBeGreaterThan(3);
        expect(guessed).toContain(`conv2d_${task.pass}_${names[0]}`);
      }
    },
  );

  it("are taken from the table where it names one that fits, else from the heuristic", () => {
    const device: Capabilities = { features: [] };
    const tuned = ({ pass }: Task): string | undefined =>
      ({
        forward: "tile_4x4_alone_flat",
        grad_input: "tile_8x16_quad_deep",
        grad_weight: "of another version",
      })[pass];
    const [forward, ...backward] = kernelsOn(device);
    expect(kernelsOn({ ...device, tuned })).toEqual(["conv2d_forward_tile_4x4_alone_flat", ...backward]);
    expect(forward).not.toBe("conv2d_forward_tile_4x4_alone_flat");
  });

  it("split a sum into more or fewer parts than the heuristic", () => {
    const task = tasksOn(SMALL_SUBGROUPS).find(({ pass }) => pass === "grad_weight")!;
    const names = variantsOf(task, SMALL_SUBGROUPS).map(({ name }) => name);
    const splits = (name: string): number => {
      const dispatched: number[] = [];
      const tuned = ({ pass }: Task) => (pass === "grad_weight" ? name : undefined);
      const graph = new Graph({ mode: "train", device: { ...SMALL_SUBGROUPS, tuned } });
      const x = graph.input("x", [4, 28, 28, 64]);
      const weight = graph.input("w", [3, 3, 64, 64], "f32", true);
      const attrs = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
      const { y } = graph.apply(conv2dOp, "conv", { x, weight, bias: undefined }, attrs);
      const program = new Program(graph, [[y, graph.input("dy", y.shape)]]);
      for (const { kernel, constants } of program.dispatches) {
        if (kernel.name.startsWith("conv2d_grad_weight")) dispatched.push(constants.SPLITS!);
      }
      return dispatched[0]!;
    };
    expect(names).toContain("tile_8x16_quad_more_splits");
    expect(splits("tile_8x16_quad_more_splits")).toBeGreaterThan(splits("tile_8x16_quad"));
  });
});
