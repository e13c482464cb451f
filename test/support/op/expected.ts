/** Expected results of an op's case, from its reference in f64. */
import { Random } from "../../../src/base/random.ts";
import { type NdArray, size } from "../reference/ndarray.ts";
import { type Arrays, gradsOf, type OpCase, type OpDeclaration, type Shape, shapeOf } from "./declaration.ts";
import { hasGradients } from "./programs.ts";

/** The gradient of an input, at all of its elements or only some. */
export interface Gradient extends NdArray {
  readonly elements?: readonly number[];
}

export interface Expected {
  readonly inputs: Arrays;
  /** The outputs, and the inputs that the op updates. */
  readonly outputs: Arrays;
  /** The gradients arriving at y of the first and second node; none if the op has no y. */
  readonly dy: readonly NdArray[];
  /** The gradients of the inputs when one node uses them, and when two do. */
  readonly gradients: readonly Readonly<Record<string, Gradient>>[];
  /** What the gradients were computed from; none if the op has no gradients, or declares them. */
  readonly slopes: readonly Slopes[];
}

/** How the elements of y change with some elements of an input. */
export interface Slopes {
  readonly name: string;
  readonly shape: Shape;
  readonly elements: readonly number[];
  readonly dydx: readonly Float64Array[];
}

/** Elements of each input whose gradient is checked by central differences. */
const SAMPLES = 24;
const DX = 1e-5;

/** The same on every device, so computed once: the references are slow. */
export function expectedOf(declaration: OpDeclaration, given: OpCase): Expected {
  const inputs = drawInputs(given);
  const outputs = declaration.reference(inputs, given.attrs);
  if (!hasGradients(declaration, given)) return { inputs, outputs, dy: [], gradients: [], slopes: [] };
  const random = new Random(7, "dy");
  const { y } = outputs;
  // Gradients start at a loss, whose own gradient is 1.
  const dy = [0, 1].map(() => (y ? draw(y.shape, () => 2 * random.uniform() - 1) : draw([1], () => 1)));
  const both = { ...dy[0]!, data: dy[0]!.data.map((value, i) => value + dy[1]!.data[i]!) };
  const slopes = declaration.gradients ? [] : slopesOf(declaration, given, inputs);
  const gradients = (arriving: NdArray): Readonly<Record<string, Gradient>> =>
    declaration.gradients?.(inputs, given.attrs, arriving) ?? gradientsFrom(slopes, arriving);
  return { inputs, outputs, dy: y ? dy : [], gradients: [dy[0]!, both].map(gradients), slopes };
}

/** Central differences of y at some elements of each input whose gradient is checked. */
export function slopesOf(declaration: OpDeclaration, given: OpCase, inputs: Arrays): readonly Slopes[] {
  return gradsOf(given).map((name) => {
    const { shape, data } = inputs[name]!;
    const elements = [...new Random(3, name).permutation(data.length).slice(0, SAMPLES)];
    const dydx = elements.map((element) => {
      const value = data[element]!;
      const [above, below] = [value + DX, value - DX].map((changed) => {
        data[element] = changed;
        return declaration.reference(inputs, given.attrs).y!.data.slice();
      });
      data[element] = value;
      return above!.map((v, i) => (v - below![i]!) / (2 * DX));
    });
    return { name, shape, elements, dydx };
  });
}

const gradientsFrom = (slopes: readonly Slopes[], dy: NdArray): Readonly<Record<string, Gradient>> =>
  Object.fromEntries(
    slopes.map(({ name, shape, elements, dydx }) => {
      const data = dydx.map((slope) => slope.reduce((sum, v, i) => sum + v * dy.data[i]!, 0));
      return [name, { shape, elements, data: Float64Array.from(data) }];
    }),
  );

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

export const draw = (shape: Shape, fill: (i: number) => number, round = Math.fround): NdArray => ({
  shape,
  data: Float64Array.from({ length: size(shape) }, (_, i) => round(fill(i))),
});
