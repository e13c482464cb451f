import type { Random } from "../../../src/base/random.ts";
import { type GroupNorm, groupNormOp, layerNormOp } from "../../../src/ops/norm/group-norm.ts";
import { bytes, CPU, declare, type OpCase, type Shape } from "../../support/op/declaration.ts";
import {
  groupNorm as groupNormReference,
  layerNorm as layerNormReference,
} from "../../support/reference/group-norm.ts";

const values = { weight: (random: Random) => 0.5 + random.uniform() };

function given<Attrs>(x: Shape, attrs: Attrs): OpCase<Attrs> {
  const C = x.at(-1)!;
  return {
    name: `(${x}) ${JSON.stringify(attrs)}`,
    inputs: { x, weight: [C], bias: [C] },
    attrs,
    values,
  };
}

const shared = {
  devices: { "": CPU },
  tolerance: () => 1e-5,
  half: { activations: ["x"] },
};

const inGroups = (x: Shape, groups: number, eps = 1e-5) => given<GroupNorm>(x, { groups, eps });

export const groupNorm = declare({
  op: groupNormOp,
  reference: ({ x, weight, bias }, attrs) => ({ y: groupNormReference(x!, weight!, bias!, attrs) }),
  ...shared,
  cases: [
    { ...inGroups([2, 5, 3, 6], 2), half: true },
    // Groups of whole vec4s, by workgroups too, whose invocations have several each; one group, one channel a group.
    { ...inGroups([2, 9, 5, 8], 2), devices: {}, variants: () => true },
    { ...inGroups([3, 3, 5, 15], 3), devices: {}, variants: () => true },
    inGroups([1, 4, 3, 5], 1, 1e-3),
    inGroups([2, 4, 3, 3], 3),
    inGroups([3, 12], 4),
    inGroups([2, 2, 2, 1], 1),
    {
      ...inGroups([1, 7, 5, 4], 1),
      name: "far from 0",
      values: { ...values, x: (random) => 1000 + random.uniform() },
      // The mean as f32 is off by 3e-5, a ten-thousandth of the deviation, in sums of its own rounding.
      tolerance: 3e-4,
    },
  ],
  work({ inputs: { x }, outputs: { y } }, pass) {
    return { bytes: pass === "forward" ? bytes(x, y) : bytes(x, y, y) };
  },
  text: ({ inputs: { x }, attrs: { groups } }) => `${x.shape.join("×")}, ${groups} groups`,
});

export const layerNorm = declare({
  op: layerNormOp,
  reference: ({ x, weight, bias }, { eps }) => ({ y: layerNormReference(x!, weight!, bias!, eps) }),
  ...shared,
  cases: [
    { ...given([2, 3, 5, 6], { eps: 1e-6 }), half: true },
    { ...given([2, 5, 3, 24], { eps: 1e-5 }), devices: {}, variants: () => true },
    given([7, 5], { eps: 1e-5 }),
  ],
  work({ inputs: { x }, outputs: { y } }, pass) {
    return { bytes: pass === "forward" ? bytes(x, y) : bytes(x, y, y) };
  },
});
