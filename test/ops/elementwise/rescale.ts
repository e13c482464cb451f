import { type Rescale, rescaleOp } from "../../../src/ops/elementwise/rescale.ts";
import { declare, type OpCase, streams } from "../../support/op/declaration.ts";

const given = (x: readonly number[], attrs: Rescale): OpCase<Rescale> => ({
  name: `(${x}) ${JSON.stringify(attrs)}`,
  inputs: { x },
  attrs,
});

export const rescale = declare({
  op: rescaleOp,
  reference({ x }, { scale = 1, offset = 0 }) {
    const { shape, data } = x!;
    const of = (numbers: number | readonly number[], i: number): number =>
      typeof numbers === "number" ? numbers : numbers[i % shape.at(-1)!]!;
    return { y: { shape, data: data.map((v, i) => of(scale, i) * v + of(offset, i)) } };
  },
  cases: [
    { ...given([2, 3, 5, 3], { scale: [0.5, -2, 3], offset: [1, 0, -1] }), half: true },
    given([2, 3, 4, 6], { scale: 1 / 127.5, offset: -1 }),
    given([3, 5], { offset: [1, 2, 3, 4, 5] }),
    given([1, 1, 1, 1], { scale: 3 }),
  ],
  tolerance: () => 1e-6,
  half: { activations: ["x"] },
  work: streams,
});
