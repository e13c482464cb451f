import { describe, expect, it } from "vitest";
import { Random } from "../../src/base/random.ts";
import type { Seed } from "../../src/graph/autodiff.ts";
import { Graph } from "../../src/graph/graph.ts";
import { lower, type Program } from "../../src/graph/lower.ts";
import type { Op, Tensors } from "../../src/graph/op.ts";
import { type DType, pad, pad4, type Tensor } from "../../src/graph/tensor.ts";
import type { Capabilities } from "../../src/kernel/capabilities.ts";
import { type Outputs, openSession } from "../../src/run/session.ts";
import { Variables } from "../../src/run/variables.ts";
import { testGpu } from "./gpu.ts";
import { type NdArray, size } from "./ndarray.ts";

type Shape = readonly number[];
type InputSpec = Shape | { readonly shape: Shape; readonly dtype: DType };

export interface OpCase<Attrs> {
  readonly name?: string;
  readonly inputs: Readonly<Record<string, InputSpec>>;
  readonly attrs: Attrs;
  /** How to fill an input, element by element in logical order; default uniform in [−1, 1). */
  readonly values?: Readonly<Record<string, (random: Random, i: number) => number>>;
  /** Inputs whose gradients are checked; default all f32 inputs. */
  readonly grads?: readonly string[];
}

export interface OpTest<In extends Tensors, Attrs, Out extends Tensors> {
  readonly op: Op<In, Attrs, Out>;
  /**
   * The op in f64. Keys of the result are outputs of the op, or inputs that the op updates in place. Only
   * `y` is differentiated.
   */
  readonly reference: (inputs: Record<string, NdArray>, attrs: Attrs) => Record<string, NdArray>;
  readonly cases: readonly OpCase<Attrs>[];
  /** For ops that choose kernels: what to let them count on, by a name for the titles, each for all cases. */
  readonly devices?: Readonly<Record<string, Capabilities>>;
  /** Allowed difference, relative to the largest value of the reference. */
  readonly tolerance: (given: OpCase<Attrs>) => number;
}

/** Elements of each input whose gradient is checked by central differences. */
const SAMPLES = 24;
const DX = 1e-5;

/**
 * Tests an op on the GPU: forward against the reference; gradients against central differences of the
 * reference; `+=` where a tensor is used twice; zero padding; the same bits in a second run.
 */
export function defineOpTest<In extends Tensors, Attrs, Out extends Tensors>(
  test: OpTest<In, Attrs, Out>,
): void {
  describe(test.op.name, () => {
    for (const [name, device] of Object.entries(test.devices ?? { "": { features: [] } })) {
      for (const given of test.cases) {
        const shapes = Object.entries(given.inputs).map(([name, spec]) => `${name} (${shapeOf(spec)})`);
        const title = [given.name ?? shapes.join(" "), name].filter((part) => part !== "").join(", ");
        it(`${title}: forward`, () => checkForward(test, given, device));
        if (test.op.backward && gradsOf(given).length > 0) {
          it(`${title}: backward`, () => checkBackward(test, given, device));
        }
      }
    }
  });
}

const shapeOf = (spec: InputSpec): Shape => ("shape" in spec ? spec.shape : spec);
const dtypeOf = (spec: InputSpec): DType => ("shape" in spec ? spec.dtype : "f32");
const gradsOf = (given: OpCase<unknown>): readonly string[] =>
  given.grads ?? Object.keys(given.inputs).filter((name) => dtypeOf(given.inputs[name]!) === "f32");

async function checkForward<In extends Tensors, Attrs, Out extends Tensors>(
  { op, reference, tolerance }: OpTest<In, Attrs, Out>,
  given: OpCase<Attrs>,
  device: Capabilities,
): Promise<void> {
  const inputs = drawInputs(given);
  const expected = reference(inputs, given.attrs);
  const graph = new Graph({ mode: "train", device });
  const tensors = declareInputs(graph, given);
  const node = graph.apply(op, "op", tensors as unknown as In, given.attrs);
  for (const name of Object.keys(expected)) {
    const tensor = (node as Tensors)[name] ?? tensors[name];
    if (!tensor) throw new Error(`the reference gives ${name}, which is no output or input of ${op.name}`);
    expect(tensor.shape, `shape of ${name}`).toEqual(expected[name]!.shape);
    graph.output(name, stored(tensor));
  }
  const outputs = await runTwice(lower(graph), inputs, given);
  for (const [name, array] of Object.entries(expected)) {
    expectClose(outputs[name] as Float32Array, array, tolerance(given), name);
  }
}

async function checkBackward<In extends Tensors, Attrs, Out extends Tensors>(
  { op, reference, tolerance }: OpTest<In, Attrs, Out>,
  given: OpCase<Attrs>,
  device: Capabilities,
): Promise<void> {
  const inputs = drawInputs(given);
  const y = reference(inputs, given.attrs).y!;
  const random = new Random(7, "dy");
  const seeds = ["dy1", "dy2"].map((name) => [name, draw(y.shape, () => 2 * random.uniform() - 1)] as const);
  const wanted = gradsOf(given);
  for (const uses of [1, 2]) {
    // With two uses of every input the second gradient is added to the first.
    const used = seeds.slice(0, uses);
    const graph = new Graph({ mode: "train", device });
    const tensors = declareInputs(graph, given);
    const starts = used.map(([name], i): Seed => {
      const node = graph.apply(op, `op${i}`, tensors as unknown as In, given.attrs);
      return [(node as Tensors).y!, graph.input(name, y.shape)];
    });
    const program = lower(graph, starts);
    for (const name of wanted) {
      const gradient = program.gradients.get(tensors[name]!);
      if (!gradient) throw new Error(`${op.name} gives no gradient for ${name}`);
      graph.output(`d${name}`, stored(gradient));
    }
    const outputs = await runTwice(program, { ...inputs, ...Object.fromEntries(used) }, given);
    const dy = Float64Array.from(y.data, (_, i) => used.reduce((sum, [, { data }]) => sum + data[i]!, 0));
    for (const name of wanted) {
      const { elements, gradients } = centralDifferences(reference, inputs, given.attrs, name, dy);
      const actual = outputs[`d${name}`] as Float32Array;
      expectClose(
        actual,
        { shape: shapeOf(given.inputs[name]!), data: gradients },
        2 * tolerance(given),
        `d${name}`,
        elements,
      );
    }
  }
}

/** Gradients of Σ y·dy for a sample of an input's elements. */
function centralDifferences<Attrs>(
  reference: (inputs: Record<string, NdArray>, attrs: Attrs) => Record<string, NdArray>,
  inputs: Record<string, NdArray>,
  attrs: Attrs,
  name: string,
  dy: Float64Array,
): { elements: readonly number[]; gradients: Float64Array } {
  const { shape, data } = inputs[name]!;
  const all = new Random(3, name).permutation(data.length);
  const elements = [...all.slice(0, SAMPLES)];
  const loss = (): number => reference(inputs, attrs).y!.data.reduce((sum, v, i) => sum + v * dy[i]!, 0);
  const gradients = elements.map((element) => {
    const value = data[element]!;
    data[element] = value + DX;
    const above = loss();
    data[element] = value - DX;
    const below = loss();
    data[element] = value;
    return (above - below) / (2 * DX);
  });
  if (size(shape) !== data.length) throw new Error(`${name}: values do not fit the shape`);
  return { elements, gradients: Float64Array.from(gradients) };
}

function drawInputs({ inputs, values }: OpCase<unknown>): Record<string, NdArray> {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, spec]) => {
      const random = new Random(11, name);
      const fill = values?.[name] ?? ((r: Random) => 2 * r.uniform() - 1);
      return [name, draw(shapeOf(spec), (i) => fill(random, i))];
    }),
  );
}

/** Values as f32 can hold them, so that both sides compute from the same numbers. */
function draw(shape: Shape, fill: (i: number) => number): NdArray {
  return { shape, data: Float64Array.from({ length: size(shape) }, (_, i) => Math.fround(fill(i))) };
}

function declareInputs(graph: Graph, given: OpCase<unknown>): Record<string, Tensor> {
  const wanted = gradsOf(given);
  return Object.fromEntries(
    Object.entries(given.inputs).map(([name, spec]) => [
      name,
      graph.input(name, shapeOf(spec), dtypeOf(spec), wanted.includes(name)),
    ]),
  );
}

/** The tensor as it lies in memory, so that its padding is read too. */
const stored = (tensor: Tensor): Tensor => ({
  ...tensor,
  shape:
    tensor.storage.dtype === "f32"
      ? [...tensor.shape.slice(0, -1), pad4(tensor.shape.at(-1)!)]
      : tensor.shape,
});

async function runTwice(
  program: Program,
  inputs: Record<string, NdArray>,
  given: OpCase<unknown>,
): Promise<Outputs> {
  const gpu = await testGpu();
  const variables = new Variables(gpu);
  const session = await openSession(gpu, program, variables);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data }]) => {
      const spec = given.inputs[name];
      const dtype = spec ? dtypeOf(spec) : "f32";
      if (dtype === "f32") return [name, pad(Float32Array.from(data), shape)];
      return [name, dtype === "i32" ? Int32Array.from(data) : Uint32Array.from(data)];
    }),
  );
  const live = { step: 1, seed: 5, learningRate: 0.1 };
  try {
    const first = await session.submit(feeds, live);
    const second = await session.submit(feeds, live);
    for (const name of Object.keys(first)) {
      const bits = ({ buffer }: { buffer: ArrayBufferLike }) => new Uint32Array(buffer);
      expect(bits(second[name]!), `${name}, bits of a second run`).toEqual(bits(first[name]!));
    }
    return first;
  } finally {
    session.destroy();
    variables.destroy();
  }
}

/** Compares stored values with an array in logical order (or only some `elements` of it), and padding with 0. */
function expectClose(
  actual: Float32Array,
  { shape, data }: NdArray,
  tolerance: number,
  what: string,
  elements?: readonly number[],
): void {
  const width = shape.at(-1)!;
  const row = actual.length / (size(shape) / width);
  const scale = data.reduce((largest, v) => Math.max(largest, Math.abs(v)), 1e-6);
  data.forEach((expected, i) => {
    const element = elements?.[i] ?? i;
    const got = actual[Math.floor(element / width) * row + (element % width)]!;
    if (!(Math.abs(got - expected) <= tolerance * scale)) {
      const at = `element ${element} of (${shape.join(", ")})`;
      expect.fail(`${what}: ${got} instead of ${expected} at ${at}; tolerance ${tolerance} × ${scale}`);
    }
  });
  for (let i = 0; i < actual.length; i++) {
    if (i % row >= width && actual[i] !== 0) expect.fail(`${what}: padding holds ${actual[i]} at ${i}`);
  }
}
