/** Expected results of an op's case: from its reference in f64, or from its own forward kernels. */
import { Random } from "../base/random.ts";
import type { Op, Tensors } from "../graph/op.ts";
import { type Arrays, draw, drawInputs, type NdArray } from "./arrays.ts";
import { gradsOf, type OpCase, type Shape } from "./case.ts";

/** An op and what it is to compute. */
export interface Referenced<In extends Tensors = Tensors, Attrs = unknown, Out extends Tensors = Tensors> {
  readonly op: Op<In, Attrs, Out>;
  /** The op in f64. Keys of the result are outputs of the op, or inputs that the op updates in place. */
  reference(inputs: Arrays, attrs: Attrs): Arrays;
  /**
   * Its gradients in f64, of the mean for a loss. Default central differences of y; needed for ops without y, or whose
   * gradients differ from these.
   */
  gradients?(inputs: Arrays, attrs: Attrs, dy: NdArray): Arrays;
}

/** The gradient of an input, at all of its elements or only some. */
export interface Gradient extends NdArray {
  readonly elements?: readonly number[];
}

export type Gradients = Readonly<Record<string, Gradient>>;

export interface Expected {
  readonly inputs: Arrays;
  /** The outputs, and the inputs that the op updates. */
  readonly outputs: Arrays;
  /** The gradients arriving at y of the first and second node; none if the op has no y. */
  readonly dy: readonly NdArray[];
  /** The gradients of the inputs when one node uses them, and when two do. */
  readonly gradients: readonly Gradients[];
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
/** Half the distance of two points: in f64, and of kernels in f32, which round more than a smaller one is worth. */
const STEP = { f64: 1e-5, f32: 2 ** -6 } as const;

export const hasGradients = (
  { op }: { readonly op: { readonly backward?: unknown } },
  given: OpCase,
): boolean => op.backward !== undefined && gradsOf(given).length > 0;

/** The same on every device, so computed once: the references are slow. */
export function expectedOf(definition: Referenced, given: OpCase): Expected {
  const inputs = drawInputs(given);
  const outputs = definition.reference(inputs, given.attrs);
  if (!hasGradients(definition, given)) return { inputs, outputs, dy: [], gradients: [], slopes: [] };
  const slopes = definition.gradients ? [] : slopesOf(definition, given, inputs);
  const gradients = (arriving: NdArray): Gradients =>
    definition.gradients?.(inputs, given.attrs, arriving) ?? gradientsFrom(slopes, arriving);
  return { inputs, outputs, ...arriving(outputs, gradients), slopes };
}

/** The same from the forward kernels alone, which `run` launches; the outputs are what they give. */
export async function expectedOfKernels(
  given: OpCase,
  run: (inputs: Arrays) => Promise<Arrays>,
): Promise<Expected> {
  const inputs = drawInputs(given);
  const outputs = await run(inputs);
  const probes = probe(given, inputs, STEP.f32);
  let step = probes.next();
  while (!step.done) step = probes.next(primary(await run(step.value)));
  const slopes = step.value;
  return { inputs, outputs, ...arriving(outputs, (dy) => gradientsFrom(slopes, dy)), slopes };
}

/** Central differences of y at some elements of each input whose gradient is checked. */
export function slopesOf({ reference }: Referenced, given: OpCase, inputs: Arrays): readonly Slopes[] {
  const probes = probe(given, inputs, STEP.f64);
  let step = probes.next();
  while (!step.done) step = probes.next(primary(reference(step.value, given.attrs)));
  return step.value;
}

/** What is differentiated: y, or the loss of an op that has no y. */
const primary = ({ y, loss }: Arrays): NdArray => (y ?? loss)!;

/** Gradients that arrive, and those of the inputs for one of them and for the sum of two. */
function arriving({ y }: Arrays, gradients: (dy: NdArray) => Gradients): Pick<Expected, "dy" | "gradients"> {
  const random = new Random(7, "dy");
  // Gradients start at a loss, whose own gradient is 1.
  const dy = [0, 1].map(() => (y ? draw(y.shape, () => 2 * random.uniform() - 1) : draw([1], () => 1)));
  const both = { ...dy[0]!, data: dy[0]!.data.map((value, i) => value + dy[1]!.data[i]!) };
  return { dy: y ? dy : [], gradients: [dy[0]!, both].map(gradients) };
}

/** Asks for y of inputs that differ by `step` in one element. */
function* probe(given: OpCase, inputs: Arrays, step: number): Generator<Arrays, readonly Slopes[], NdArray> {
  const all: Slopes[] = [];
  for (const name of gradsOf(given)) {
    const { shape, data } = inputs[name]!;
    const elements = [...new Random(3, name).permutation(data.length).slice(0, SAMPLES)];
    const dydx: Float64Array[] = [];
    for (const element of elements) {
      const value = data[element]!;
      data[element] = value + step;
      // Copied, for y may be the input itself.
      const above = (yield inputs).data.slice();
      data[element] = value - step;
      const below = (yield inputs).data.slice();
      data[element] = value;
      dydx.push(above.map((v, i) => (v - below[i]!) / (2 * step)));
    }
    all.push({ name, shape, elements, dydx });
  }
  return all;
}

const gradientsFrom = (slopes: readonly Slopes[], dy: NdArray): Gradients =>
  Object.fromEntries(
    slopes.map(({ name, shape, elements, dydx }) => {
      const data = dydx.map((slope) => slope.reduce((sum, v, i) => sum + v * (dy.data[i] ?? 0), 0));
      return [name, { shape, elements, data: Float64Array.from(data) }];
    }),
  );
