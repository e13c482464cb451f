import { Random } from "../base/random.ts";
import { isFloat, pad } from "../graph/tensor.ts";
import type { Steps } from "../plan/plan.ts";
import type { Feeds } from "../run/session.ts";
import { type OpCase, type Shape, shapeOf } from "./case.ts";

/** Values in logical order, row-major, in f64, as references use them. */
export interface NdArray {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Arrays by the names of inputs or outputs. */
export type Arrays = Readonly<Record<string, NdArray>>;

export const size = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

export const draw = (shape: Shape, fill: (i: number) => number, round = Math.fround): NdArray => ({
  shape,
  data: Float64Array.from({ length: size(shape) }, (_, i) => round(fill(i))),
});

/** The inputs of a case, the same on every device, rounded to f32 or by `round`. */
export function drawInputs({ inputs, values }: OpCase, round = Math.fround): Arrays {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, spec]) => {
      const random = new Random(11, name);
      const fill = values?.[name] ?? ((r: Random) => 2 * r.uniform() - 1);
      return [name, draw(shapeOf(spec), (i) => fill(random, i), round)];
    }),
  );
}

/** Arrays by the names of the program's inputs, in the padded layout. */
export const feedsOf = ({ graph }: Steps, arrays: Arrays): Feeds =>
  Object.fromEntries(
    [...graph.inputs].map(([name, { storage }]) => {
      const { shape, data } = arrays[name]!;
      if (isFloat(storage.dtype)) return [name, pad(Float32Array.from(data), shape)];
      return [name, storage.dtype === "i32" ? Int32Array.from(data) : Uint32Array.from(data)];
    }),
  );
