import { expect, it } from "vitest";
import type { Seed } from "../../../src/graph/autodiff.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { testGpu } from "../../support/run/gpu.ts";
import { runProgram } from "../../support/run/run-op.ts";

const { capabilities } = await testGpu();
const { features, subgroupMaxSize } = capabilities;

// The largest size is one that compute shaders may ask for, on all adapters known; the kernels are right in any.
it.runIf(features.includes("subgroup-size-control"))(
  "kernels in subgroups of a given size compute the same",
  async () => {
    const run = async (device: Capabilities) => {
      const graph = new Graph({ mode: "train", device });
      const x = graph.input("x", [2, 9, 11, 20], "f32", true);
      const weight = graph.input("w", [3, 3, 20, 36], "f32", true);
      const attrs = { stride: [1, 1], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
      const { y } = graph.apply(conv2dOp, "conv", { x, weight, bias: undefined }, attrs);
      const seeds: readonly Seed[] = [[y, graph.input("dy", y.shape)]];
      const wave = (length: number, step: number) =>
        Float32Array.from({ length }, (_, i) => Math.sin(1 + step * i));
      const feeds = { x: wave(3960, 0.7), w: wave(6480, 0.3), dy: wave(7128, 1.1) };
      const [outputs] = await runProgram(graph, seeds, feeds, (program) => {
        graph.output("y", y);
        graph.output("dx", program.gradients.get(x)!);
        graph.output("dw", program.gradients.get(weight)!);
        const sized = program.dispatches.filter(({ kernel }) => kernel.name.includes("_subgroups_"));
        expect(sized.length).toBe(device.subgroupSize ? 3 : 0);
      });
      return outputs!;
    };
    const given = { features, software: false };
    const plain = await run(given);
    const sized = await run({ ...given, subgroupSize: subgroupMaxSize! });
    for (const name of ["y", "dx", "dw"]) expect(sized[name], name).toEqual(plain[name]);
  },
);
