import { expect, it } from "vitest";
import type { Seed } from "../../../src/graph/autodiff.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { pad4, type Tensor } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { testGpu } from "../../support/run/gpu.ts";
import { runProgram } from "../../support/run/run-op.ts";

const { features, subgroupMaxSize, matrixUnits = [] } = (await testGpu()).capabilities;

/** Small whole numbers, whose products and sums are exact in any order and in f16; zeros in padding. */
function wholeNumbers({ shape }: Tensor, step: number): Float32Array {
  const width = shape.at(-1)!;
  const row = pad4(width);
  const length = (shape.reduce((a, b) => a * b) / width) * row;
  return Float32Array.from({ length }, (_, i) =>
    i % row < width ? Math.round(4 * Math.sin(1 + step * i)) : 0,
  );
}

// Adapters with units that kernels can use are GPUs and, from Mesa 26 on, llvmpipe.
it.runIf(matrixUnits.length > 0)("matrix units compute the same to the bit", async () => {
  const run = async (device: Capabilities) => {
    const graph = new Graph({ mode: "train", device });
    const x = graph.input("x", [3, 17, 13, 67], "f32", true);
    const weight = graph.input("w", [3, 3, 67, 70], "f32", true);
    const attrs = { stride: [2, 2], dilation: [1, 1], padding: [1, 1, 1, 1], groups: 1 } as const;
    const { y } = graph.apply(conv2dOp, "conv", { x, weight, bias: undefined }, attrs);
    const dy = graph.input("dy", y.shape);
    const seeds: readonly Seed[] = [[y, dy]];
    const feeds = { x: wholeNumbers(x, 0.7), w: wholeNumbers(weight, 0.3), dy: wholeNumbers(dy, 1.1) };
    const [outputs] = await runProgram(graph, seeds, feeds, (program) => {
      graph.output("y", y);
      graph.output("dx", program.gradients.get(x)!);
      graph.output("dw", program.gradients.get(weight)!);
      const byUnits = program.dispatches.filter(({ kernel }) => kernel.name.includes("_matrix_"));
      expect(byUnits.length).toBe(device.matrixUnits ? 3 : 0);
    });
    return outputs!;
  };
  const given = { features, software: false, ...(subgroupMaxSize && { subgroupMaxSize }) };
  const plain = await run(given);
  for (const units of matrixUnits) {
    const variation = units.element === "f32" ? "matrix" : "half_matrix";
    const device: Capabilities = {
      ...{ ...given, matrixUnits: [units], activations: "f16" },
      tuned: () => `4x8_workgroup_16x8_${variation}`,
    };
    const outputs = await run(device);
    for (const name of ["y", "dx", "dw"]) expect(outputs[name], name).toEqual(plain[name]);
  }
});
