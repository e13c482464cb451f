/**
 * Computes what does not depend on the images' values: constants, and the shapes of values. Exporters write a
 * `flatten` as Shape, Gather, Unsqueeze, Concat and Reshape; what is computed here leaves the Reshape alone.
 * Operators: https://onnx.ai/onnx/operators/.
 */
import type { OnnxNode, OnnxTensor } from "./model-proto.ts";

/** The number of images, in the shapes of values: not known, and whatever computes with it cannot be read. */
export const OPEN = Number.NaN;

/** A tensor that is computed; `shape` [] is a single number. */
export function tensorOf(
  shape: readonly number[],
  values: readonly number[] | Float32Array,
  isInteger: boolean,
): OnnxTensor {
  return {
    ...{ name: "", shape, isInteger },
    floats: () => (values instanceof Float32Array ? values : Float32Array.from(values)),
    ints: () => Array.from(values),
  };
}

/** What is known of a node, and how reading it fails. */
export interface Folding {
  readonly node: OnnxNode;
  /** An input that is a constant; undefined if it is left out. */
  constant(index: number): OnnxTensor | undefined;
  /** The shape (N, C, H, W) or (N, C) of the first input, with `OPEN` for N; undefined if it is not known. */
  shape(): readonly number[] | undefined;
  fail(reason: string): never;
}

type Fold = (folding: Folding) => OnnxTensor;

/** How many numbers a tensor may have that grew from smaller ones; shapes have four. */
const MOST_GROWN = 4096;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

const numbersOf = (tensor: OnnxTensor): readonly number[] | Float32Array =>
  tensor.isInteger ? tensor.ints() : tensor.floats();

/** The first input, which `fold` has found to be there. */
const first = (folding: Folding): OnnxTensor => folding.constant(0) ?? folding.fail("has no input");

/** The same values in another shape; they are read only when they are needed. */
const reshaped = (tensor: OnnxTensor, shape: readonly number[]): OnnxTensor => ({ ...tensor, shape });

/** Numbers that an attribute gives in old opsets, and an input in new ones. */
function listOf(folding: Folding, attribute: string, index: number): readonly number[] | undefined {
  return folding.constant(index)?.ints() ?? folding.node.attributes[attribute]?.ints;
}

/** Where an axis is that may be counted from the end. */
function axisOf(folding: Folding, axis: number, rank: number): number {
  const place = axis < 0 ? axis + rank : axis;
  return Number.isInteger(place) && place >= 0 && place < Math.max(rank, 1)
    ? place
    : folding.fail(`has the axis ${axis} of ${rank}`);
}

/** Throws for what is not a list of numbers, the only thing that shapes are. */
function line(folding: Folding, tensor: OnnxTensor): readonly number[] | Float32Array {
  const { shape } = tensor;
  if (shape.length !== 1 || shape[0]! > MOST_GROWN) {
    return folding.fail(`computes with a constant of (${shape.join(", ")}); only lists can be read`);
  }
  return numbersOf(tensor);
}

const arithmetic =
  (compute: (a: number, b: number) => number): Fold =>
  (folding) => {
    const [a, b] = [first(folding), folding.constant(1) ?? folding.fail("has one input")];
    const [x, y] = [numbersOf(a), numbersOf(b)];
    const shape = x.length >= y.length && a.shape.length >= b.shape.length ? a.shape : b.shape;
    const isSame = a.shape.join() === b.shape.join();
    if (!isSame && x.length !== 1 && y.length !== 1) {
      folding.fail(`computes with constants of (${a.shape.join(", ")}) and (${b.shape.join(", ")})`);
    }
    if (sizeOf(shape) !== Math.max(x.length, y.length)) folding.fail("computes with constants of no numbers");
    const isInteger = a.isInteger && b.isInteger;
    const values = Array.from({ length: sizeOf(shape) }, (_, i) => {
      const [p, q] = [x[x.length === 1 ? 0 : i]!, y[y.length === 1 ? 0 : i]!];
      if (isInteger && (Number.isNaN(p) || Number.isNaN(q)))
        return folding.fail("computes with the number of images");
      return isInteger ? Math.trunc(compute(p, q)) : compute(p, q);
    });
    return tensorOf(shape, values, isInteger);
  };

const FOLDS: Readonly<Record<string, Fold>> = {
  Constant({ node: { attributes }, fail }) {
    const { value, value_float: float, value_floats: floats, value_int: int, value_ints: ints } = attributes;
    if (value?.tensor) return value.tensor;
    const [single, list] = [float?.float ?? int?.int, floats?.floats ?? ints?.ints];
    const values = single !== undefined ? [single] : (list ?? fail("has no value that can be read"));
    const isInteger = int !== undefined || ints !== undefined;
    return tensorOf(single !== undefined ? [] : [values.length], values, isInteger);
  },
  Identity: first,
  Cast(folding) {
    const tensor = first(folding);
    const to = folding.node.attributes.to?.int ?? 0;
    const isInteger = to === INT32 || to === INT64;
    if (!isInteger && !FLOATS.includes(to)) folding.fail(`makes a constant of the type ${to}`);
    if (isInteger === tensor.isInteger) return tensor;
    const values = numbersOf(tensor);
    return tensorOf(tensor.shape, isInteger ? Array.from(values, Math.trunc) : values, isInteger);
  },
  Shape(folding) {
    const constant = folding.constant(0);
    const shape = constant?.shape ?? folding.shape() ?? folding.fail("has no input");
    const { start, end } = folding.node.attributes;
    const values = shape.slice(start?.int ?? 0, end?.int);
    return tensorOf([values.length], values, true);
  },
  ConstantOfShape(folding) {
    const shape = line(folding, first(folding));
    const filling = folding.node.attributes.value?.tensor ?? tensorOf([1], [0], false);
    const size = sizeOf([...shape]);
    if (!(size >= 0 && size <= MOST_GROWN)) folding.fail(`makes a constant of (${[...shape].join(", ")})`);
    const [value = 0] = numbersOf(filling);
    return tensorOf([...shape], new Array<number>(size).fill(value), filling.isInteger);
  },
  Gather(folding) {
    const tensor = first(folding);
    const values = line(folding, tensor);
    const indices = folding.constant(1) ?? folding.fail("has no indices");
    if (sizeOf(indices.shape) > MOST_GROWN) folding.fail(`gathers (${indices.shape.join(", ")})`);
    const picked = indices.ints().map((index) => {
      const place = index < 0 ? index + values.length : index;
      return place in values ? values[place]! : folding.fail(`takes number ${index} of ${values.length}`);
    });
    return tensorOf(indices.shape, picked, tensor.isInteger);
  },
  Unsqueeze(folding) {
    const tensor = first(folding);
    const axes = listOf(folding, "axes", 1) ?? folding.fail("has no axes");
    if (axes.length > MAX_RANK) folding.fail(`has ${axes.length} axes`);
    const rank = tensor.shape.length + axes.length;
    const shape = [...tensor.shape];
    for (const axis of axes.map((one) => axisOf(folding, one, rank)).sort((a, b) => a - b))
      shape.splice(axis, 0, 1);
    return reshaped(tensor, shape);
  },
  Squeeze(folding) {
    const tensor = first(folding);
    const { shape } = tensor;
    const axes = listOf(folding, "axes", 1)?.map((axis) => axisOf(folding, axis, shape.length));
    const isGone = (axis: number): boolean => (axes ? axes.includes(axis) : shape[axis] === 1);
    if (axes?.some((axis) => shape[axis] !== 1)) folding.fail(`squeezes (${shape.join(", ")})`);
    return reshaped(
      tensor,
      shape.filter((_, axis) => !isGone(axis)),
    );
  },
  Reshape(folding) {
    const tensor = first(folding);
    const wanted = line(folding, folding.constant(1) ?? folding.fail("has no shape"));
    const copied = Array.from(wanted, (extent, axis) => (extent === 0 ? (tensor.shape[axis] ?? 0) : extent));
    const size = sizeOf(tensor.shape);
    const others = sizeOf(copied.filter((extent) => extent !== -1));
    const shape = copied.map((extent) => (extent === -1 ? size / others : extent));
    const sound = shape.length <= MAX_RANK && shape.every((e) => Number.isInteger(e) && e >= 0);
    if (!sound || sizeOf(shape) !== size)
      folding.fail(`makes (${copied.join(", ")}) of (${tensor.shape.join(", ")})`);
    return reshaped(tensor, shape);
  },
  Concat(folding) {
    const tensors = folding.node.inputs.map((_, i) => folding.constant(i)!);
    axisOf(folding, folding.node.attributes.axis?.int ?? 0, 1);
    const values = tensors.flatMap((tensor) => [...line(folding, tensor)]);
    if (values.length > MOST_GROWN) folding.fail(`joins ${values.length} numbers`);
    return tensorOf(
      [values.length],
      values,
      tensors.every(({ isInteger }) => isInteger),
    );
  },
  Slice(folding) {
    const tensor = first(folding);
    const values = line(folding, tensor);
    const [start = 0] = listOf(folding, "starts", 1) ?? [];
    const [end = values.length] = listOf(folding, "ends", 2) ?? [];
    const [axis = 0] = listOf(folding, "axes", 3) ?? [];
    const [step = 1] = listOf(folding, "steps", 4) ?? [];
    axisOf(folding, axis, 1);
    if (step !== 1) folding.fail(`has the step ${step}`);
    const kept = Array.from(values).slice(start, end);
    return tensorOf([kept.length], kept, tensor.isInteger);
  },
  Add: arithmetic((a, b) => a + b),
  Sub: arithmetic((a, b) => a - b),
  Mul: arithmetic((a, b) => a * b),
  Div: arithmetic((a, b) => a / b),
};

/** More axes than any tensor of a network has. */
const MAX_RANK = 8;

const INT32 = 6;
const INT64 = 7;
/** FLOAT, FLOAT16, DOUBLE and BFLOAT16, which are all f32 here. */
export const FLOATS: readonly number[] = [1, 10, 11, 16];

export const isFoldable = (op: string): boolean => Object.hasOwn(FOLDS, op);

/** What a node makes, if it depends on nothing but constants and shapes; undefined otherwise. */
export function fold(folding: Folding): OnnxTensor | undefined {
  const { op, inputs } = folding.node;
  if (!isFoldable(op)) return undefined;
  const isKnown = op === "Shape" || inputs.every((name, i) => name === "" || folding.constant(i));
  return isKnown ? FOLDS[op]!(folding) : undefined;
}
