/** Bytes that the launches of a training step bind: what bounds networks with batch norms on a GPU. */
import { expect, it } from "vitest";
import { bytesWithin } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { createModel } from "../../../src/models/index.ts";
import type { Program } from "../../../src/ops/lower.ts";
import { programOf } from "../../support/models/programs.ts";

/** With one kernel for all convolutions: test/static/ops/heuristics.md has what the heuristics' choices bind. */
const GPU: Capabilities = {
  features: ["subgroups", "shader-f16"],
  subgroupMaxSize: 32,
  tuned: ({ op }) => (op === "conv2d" ? "8x8_workgroup_16x8" : undefined),
};

/** GB, with what a launch reads and writes counted once. */
function gigabytes({ dispatches }: Program): number {
  const bytes = dispatches.flatMap(({ bindings }) => {
    const bound = Object.values(bindings).map(
      (tensor) => [`${tensor.storage.id}:${tensor.offset}`, tensor] as const,
    );
    return [...new Map(bound).values()].map((tensor) => bytesWithin(tensor).size);
  });
  return bytes.reduce((sum, size) => sum + size, 0) / 1e9;
}

it.each([
  ["resnet50", 16, "f32", 12.52, 10.75],
  ["resnet50", 16, "mixed", 7.3, 6.37],
  ["resnet18", 32, "f32", 5.45, 4.81],
  ["interleaved", 32, "f32", 0.1443, 0.1291],
] as const)("a step of %s, batch %i, %s, binds %f GB, and %f with the fusions of a GPU", (...given) => {
  const [name, batch, precision, each, fused] = given;
  const measure = (options: Parameters<typeof programOf>[3]) =>
    gigabytes(programOf(createModel(name), batch, "train", { device: GPU, precision, ...options }));
  // Within one percent: how many partial sums there are is up to the heuristics.
  expect(Math.abs(measure({ fusions: [] }) / each - 1)).toBeLessThan(0.01);
  expect(Math.abs(measure({}) / fused - 1)).toBeLessThan(0.01);
});
