/** What an op must give for inputs that are not finite: whatever depends on a NaN is NaN, in both directions. */
import { Random } from "../../../src/base/random.ts";
import { type Arrays, type NdArray, size } from "../../../src/testing/arrays.ts";
import { dtypeOf, type Shape, shapeOf } from "../../../src/testing/case.ts";
import { type Expected, type Slopes, slopesOf } from "../../../src/testing/expected.ts";
import type { OpCase, OpDeclaration } from "./declaration.ts";

/** A run with one bad number in one of its inputs. */
export interface Spoiled {
  readonly input: string;
  readonly element: number;
  readonly value: number;
  readonly arrays: Arrays;
  /** The program that runs: forward, or backward with one use of the op. */
  readonly pass: "forward" | "backward";
  /** What must be NaN or, if the value is an infinity, not finite. */
  readonly bad: readonly Bad[];
}

/** Elements of an output, or of the gradient of an input. */
export interface Bad {
  readonly name: string;
  readonly shape: Shape;
  readonly elements: readonly number[];
}

/** Numbers in all inputs of a case, up to which it is tried with infinities, and gradients are moved by hand. */
const SMALL = 1200;

/** Values so far from the others that the gradient changes where it depends on them. */
const FAR = [30, -30];

/** The runs of a case with NaN in each of its inputs and in the gradient that arrives; in small ones ±∞ as well. */
export function* spoiledRuns(
  declaration: OpDeclaration,
  given: OpCase,
  { inputs, dy, gradients, slopes }: Expected,
): Generator<Spoiled> {
  const shapes = Object.values(given.inputs).map(shapeOf);
  const small = shapes.reduce((sum, shape) => sum + size(shape), 0) <= SMALL;
  const seed: NdArray = dy[0] ?? { shape: [1], data: Float64Array.of(1) };
  for (const [input, spec] of Object.entries(given.inputs)) {
    if (dtypeOf(spec) !== "f32") continue;
    const element = new Random(3, input).permutation(size(shapeOf(spec)))[0]!;
    const spoil = (value: number) => {
      const arrays = { ...inputs, [input]: replaced(inputs[input]!, element, value) };
      return { input, element, value, arrays };
    };
    for (const value of [Number.NaN, ...(small ? [Infinity, -Infinity] : [])]) {
      const run = spoil(value);
      yield { ...run, pass: "forward", bad: notFinite(declaration.reference(run.arrays, given.attrs)) };
    }
    if (gradients.length === 0) continue;
    const run = spoil(Number.NaN);
    if (declaration.gradients) {
      yield {
        ...run,
        pass: "backward",
        bad: notFinite(declaration.gradients(run.arrays, given.attrs, seed)),
      };
    } else if (small) {
      const moved = FAR.map((far) => slopesOf(declaration, given, spoil(far).arrays));
      yield { ...run, pass: "backward", bad: slopes.map((slope, i) => changing(slope, moved, i, seed)) };
    }
  }
  if (dy.length === 0) return;
  const element = slopes[0] ? steepest(slopes[0]) : 0;
  const arriving = replaced(seed, element, Number.NaN);
  yield {
    ...{ input: "dy0", element, value: Number.NaN, arrays: { ...inputs, dy0: arriving }, pass: "backward" },
    bad: declaration.gradients
      ? notFinite(declaration.gradients(inputs, given.attrs, arriving))
      : slopes.map(({ name, shape, elements, dydx }) => ({
          ...{ name, shape },
          elements: elements.filter((_, i) => Math.abs(dydx[i]![element]!) > 1e-6),
        })),
  };
}

/** Elements of an input whose gradient changes when another number was moved. */
function changing(
  { name, shape, elements, dydx }: Slopes,
  moved: readonly (readonly Slopes[])[],
  at: number,
  dy: NdArray,
): Bad {
  const gradient = (slope: Float64Array): number => slope.reduce((sum, v, i) => sum + v * dy.data[i]!, 0);
  const changes = (i: number): boolean =>
    moved.some((slopes) => Math.abs(gradient(slopes[at]!.dydx[i]!) - gradient(dydx[i]!)) > 1e-4);
  return { name, shape, elements: elements.filter((_, i) => changes(i)) };
}

/** The element of y that the first sampled element of an input moves most. */
function steepest({ dydx }: Slopes): number {
  const steepness = dydx[0]!.map(Math.abs);
  return steepness.indexOf(steepness.reduce((most, v) => Math.max(most, v)));
}

const notFinite = (arrays: Arrays): Bad[] =>
  Object.entries(arrays).map(([name, { shape, data }]) => ({
    ...{ name, shape },
    elements: [...data].flatMap((value, i) => (Number.isFinite(value) ? [] : i)),
  }));

function replaced({ shape, data }: NdArray, element: number, value: number): NdArray {
  const copy = data.slice();
  copy[element] = value;
  return { shape, data: copy };
}
