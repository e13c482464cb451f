import type { Random } from "../../../src/base/random.ts";
import { maxPool2dOp } from "../../../src/ops/pool/pool.ts";
import { bytes, declare } from "../../support/op/declaration.ts";
import { maxPool2dGradient, maxPool2d as maxPool2dReference } from "../../support/reference/pool.ts";
import { pool, WINDOWS } from "./windows.ts";

export const maxPool2d = declare({
  op: maxPool2dOp,
  reference: ({ x }, attrs) => ({ y: maxPool2dReference(x!, attrs) }),
  // Central differences would say that the gradient of a NaN, which wins all its windows, is NaN.
  gradients: ({ x }, attrs, dy) => ({ x: maxPool2dGradient(x!, attrs, dy) }),
  cases: [
    ...WINDOWS.map(({ shape, attrs }) => ({
      inputs: { x: shape },
      attrs,
      devices: {},
      variants: () => true,
    })),
    {
      name: "all below zero, with padding",
      inputs: { x: [1, 5, 5, 3] },
      attrs: pool([3, 3], [2, 2], [1, 1, 1, 1]),
      values: { x: (random) => -1 - random.uniform() },
    },
    {
      name: "relu, overlapping windows by strides of 2",
      inputs: { x: [2, 8, 9, 5] },
      attrs: { ...pool([3, 3], [2, 2], [1, 1, 1, 1]), activation: { name: "relu" } },
      values: { x: (random) => 2 * random.uniform() - 1.6 },
      half: true,
    },
    ...([{ name: "relu" }, { name: "leaky_relu", alpha: 0.2 }] as const).map((activation) => ({
      name: `${activation.name}, overlapping windows, some of them below zero`,
      inputs: { x: [2, 7, 9, 5] },
      attrs: { ...pool([2, 3], [2, 1], [1, 0, 1, 1]), activation },
      values: { x: (random: Random) => 2 * random.uniform() - 1.6 },
      half: true as const,
    })),
  ],
  tolerance: () => 1e-6,
  half: { activations: ["x"] },
  work: ({ inputs: { x }, outputs: { y, index } }) => ({ bytes: bytes(x, y, index) }),
});
