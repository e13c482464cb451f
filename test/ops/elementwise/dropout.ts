import { pcg4d } from "../../../src/base/random.ts";
import { type Dropout, dropoutOp } from "../../../src/ops/elementwise/dropout.ts";
import { LIVE } from "../../../src/testing/run.ts";
import { declare, streams } from "../../support/op/declaration.ts";
import type { NdArray } from "../../support/reference/ndarray.ts";

/** The same mask from the host's generator: one hash per vec4 of the padded layout. */
function masked({ shape, data }: NdArray, { p, layer }: Dropout): NdArray {
  const C = shape.at(-1)!;
  const columns = Math.ceil(C / 4);
  const kept = (v: number, i: number): number => {
    const vec4 = Math.floor(i / C) * columns + Math.floor((i % C) / 4);
    const bits = pcg4d(vec4, LIVE.step, layer, LIVE.seed)[(i % C) % 4]!;
    return (bits >>> 8) * 2 ** -24 >= Math.fround(p) || Number.isNaN(v) ? v / (1 - p) : 0;
  };
  return { shape, data: data.map(kept) };
}
export const dropout = declare({
  op: dropoutOp,
  reference: ({ x }, attrs) => ({ y: masked(x!, attrs) }),
  cases: [
    { inputs: { x: [3, 17, 13, 6] }, attrs: { p: 0.3, layer: 1 }, half: true },
    { inputs: { x: [7, 129] }, attrs: { p: 0.5, layer: 0xfedcba98 } },
    { inputs: { x: [1, 1] }, attrs: { p: 0.9, layer: 0 } },
    { inputs: { x: [5, 8] }, attrs: { p: 0, layer: 2 } },
  ],
  tolerance: () => 1e-6,
  half: { activations: ["x"] },
  work: streams,
});
