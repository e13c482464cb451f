/**
 * Functions that files write out in many nodes, since their opset has no operator for them: GELU, exact or by tanh, and layer
 * norms. What makes their result becomes one node; those before it are left to whoever else takes them.
 * Operators: https://onnx.ai/onnx/operators/.
 */
import { TO_CHANNELS_FIRST, TO_CHANNELS_LAST } from "./channels-last.ts";
import { fold } from "./fold.ts";
import type { OnnxModel, OnnxNode, OnnxTensor } from "./model-proto.ts";

/** Coefficients by powers of a value, up to the cube that GELU's approximation has. */
type Polynomial = readonly number[];

const MOST_POWERS = 4;

/** Limits on how far parts of a function may be from each other, in nodes, and on how many values are tried for its x. */
const MOST_STEPS = 8;
const MOST_VALUES = 32;

/** f32's rounding of constants, and that of who wrote them by hand. */
const ROUNDING = 1e-5;

/** What GELU has in its erf or tanh, as a polynomial of x. */
const INNER: Readonly<Record<string, Polynomial>> = {
  Erf: [0, Math.SQRT1_2],
  Tanh: [0, Math.sqrt(2 / Math.PI), 0, 0.044715 * Math.sqrt(2 / Math.PI)],
};

/** The operators by which constants reach those that take them. */
const CONSTANT = new Set(["Constant", "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze"]);

/** The `perm` of a Transpose, and of the one that takes it back. */
const BACK: Readonly<Record<string, string>> = {
  [TO_CHANNELS_LAST]: TO_CHANNELS_FIRST,
  [TO_CHANNELS_FIRST]: TO_CHANNELS_LAST,
};

const isNear = (a: Polynomial, b: Polynomial): boolean =>
  Array.from({ length: MOST_POWERS }, (_, i) => Math.abs((a[i] ?? 0) - (b[i] ?? 0)) < ROUNDING).every(
    Boolean,
  );

const sum = (a: Polynomial, b: Polynomial, sign = 1): Polynomial =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) + sign * (b[i] ?? 0));

function product(a: Polynomial, b: Polynomial): Polynomial {
  const powers = new Array<number>(a.length + b.length - 1).fill(0);
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      powers[i + j]! += x * y;
    });
  });
  return powers;
}

/** The nodes of a file, by what makes and takes their values. */
class Nodes {
  readonly #makers = new Map<string, OnnxNode>();
  readonly #takers = new Map<string, OnnxNode[]>();
  readonly #constants: Map<string, OnnxTensor>;

  constructor(nodes: readonly OnnxNode[], tensors: OnnxModel["tensors"]) {
    this.#constants = new Map(tensors);
    for (const node of nodes) {
      for (const name of node.outputs) this.#makers.set(name, node);
      for (const name of new Set(node.inputs)) {
        const takers = this.#takers.get(name);
        if (takers) takers.push(node);
        else this.#takers.set(name, [node]);
      }
      const constant = (index: number) => this.#constants.get(node.inputs[index] ?? "");
      if (!CONSTANT.has(node.op)) continue;
      const tensor = folded(node, constant);
      if (tensor) this.#constants.set(node.outputs[0]!, tensor);
    }
  }

  /** The node of one of these operators that makes a value. */
  maker(name: string | undefined, ...ops: readonly string[]): OnnxNode | undefined {
    const node = this.#makers.get(name ?? "");
    return node && ops.includes(node.op) ? node : undefined;
  }

  takers(name: string): readonly OnnxNode[] {
    return this.#takers.get(name) ?? [];
  }

  tensor(name: string | undefined): OnnxTensor | undefined {
    return this.#constants.get(name ?? "");
  }

  /** A constant that is one number. */
  number(name: string | undefined): number | undefined {
    const tensor = this.tensor(name);
    if (!tensor?.shape.every((extent) => extent === 1)) return undefined;
    return (tensor.isInteger ? tensor.ints() : tensor.floats())[0];
  }

  /**
   * A value as a polynomial of another; undefined if it is none of so few nodes. `perm` is that of a Transpose of it, which
   * another before it takes back.
   */
  polynomial(name: string, x: string, perm = "", steps = MOST_STEPS): Polynomial | undefined {
    if (name === x && perm === "") return [0, 1];
    const constant = this.number(name);
    if (constant !== undefined) return [constant];
    const node = this.#makers.get(name);
    if (!node || steps === 0) return undefined;
    if (node.op === "Transpose") {
      const own = node.attributes.perm?.ints?.join() ?? "";
      const isBack = perm !== "" && own === BACK[perm];
      return isBack || (perm === "" && own in BACK)
        ? this.polynomial(node.inputs[0] ?? "", x, isBack ? "" : own, steps - 1)
        : undefined;
    }
    const [a, b] = node.inputs.slice(0, 2).map((input) => this.polynomial(input, x, perm, steps - 1));
    const result = a && b && computed(node.op, a, b);
    return result && result.length <= MOST_POWERS ? result : undefined;
  }

  /** The values that a value is computed of by arithmetic, itself first. */
  origins(name: string): readonly string[] {
    const found = new Set([name]);
    for (const value of found) {
      const node = this.maker(value, "Add", "Sub", "Mul", "Div", "Pow", "Transpose");
      for (const input of node?.inputs ?? []) if (found.size < MOST_VALUES) found.add(input);
    }
    return [...found].filter((value) => !this.tensor(value));
  }
}

/** What a node makes of constants; undefined if it makes nothing of them, of which reading it will tell. */
function folded(node: OnnxNode, constant: (index: number) => OnnxTensor | undefined): OnnxTensor | undefined {
  try {
    return fold({ node, constant, shape: () => undefined, fail: refuse });
  } catch (error) {
    if (error === UNKNOWN) return undefined;
    throw error;
  }
}

const UNKNOWN = new Error("not a constant");
const refuse = (): never => {
  throw UNKNOWN;
};

function computed(op: string, a: Polynomial, b: Polynomial): Polynomial | undefined {
  const [number] = b;
  if (op === "Add") return sum(a, b);
  if (op === "Sub") return sum(a, b, -1);
  if (op === "Mul") return product(a, b);
  if (op === "Div" && b.length === 1) return a.map((power) => power / number!);
  if (op !== "Pow" || b.length !== 1 || (number !== 2 && number !== 3)) return undefined;
  const square = product(a, a);
  return number === 2 ? square : product(square, a);
}

/** The node that makes x / 2 · (1 + s) of s, an erf or tanh. */
function endOfGelu(nodes: Nodes, s: string, x: string): OnnxNode | undefined {
  // So far it is p + q · s.
  let [p, q]: [Polynomial, Polynomial] = [[0], [1]];
  let value = s;
  for (let step = 0; step < MOST_STEPS; step++) {
    const [node, ...others] = nodes.takers(value);
    if (!node || others.length > 0) return undefined;
    const isFirst = node.inputs[0] === value;
    const other = node.inputs[isFirst ? 1 : 0] ?? "";
    const factor = other === value ? undefined : nodes.polynomial(other, x);
    if (!factor) return undefined;
    if (node.op === "Add") p = sum(p, factor);
    else if (node.op === "Mul") [p, q] = [product(p, factor), product(q, factor)];
    else if (node.op === "Div" && isFirst && factor.length === 1) {
      const inverse = [1 / factor[0]!];
      [p, q] = [product(p, inverse), product(q, inverse)];
    } else return undefined;
    value = node.outputs[0] ?? "";
    if (isNear(p, [0, 0.5]) && isNear(q, [0, 0.5])) return node;
  }
  return undefined;
}

/** What an idiom ends with, and what takes its place. */
type Replaced = readonly [end: OnnxNode, others: readonly OnnxNode[]];

/** A Gelu in the place of the node that ends with this erf or tanh. */
function gelu(nodes: Nodes, { op, inputs, outputs }: OnnxNode): Replaced | undefined {
  const inner = INNER[op];
  if (!inner) return undefined;
  for (const x of nodes.origins(inputs[0] ?? "")) {
    const given = nodes.polynomial(inputs[0]!, x);
    const end = given && isNear(given, inner) && endOfGelu(nodes, outputs[0]!, x);
    if (!end) continue;
    const attributes = op === "Tanh" ? { approximate: { text: "tanh" } } : {};
    return [end, [{ ...end, op: "Gelu", inputs: [x], attributes }]];
  }
  return undefined;
}

/** The axes of a ReduceMean that keeps them. */
function axesOf(nodes: Nodes, mean: OnnxNode): readonly number[] | undefined {
  if ((mean.attributes.keepdims?.int ?? 1) === 0) return undefined;
  return mean.attributes.axes?.ints ?? nodes.tensor(mean.inputs[1])?.ints();
}

/** The node that divides such a value by this one, or multiplies it by 1 / this. */
function quotient(
  nodes: Nodes,
  name: string,
  isDividend: (value: string | undefined) => boolean,
): OnnxNode | undefined {
  const [taker] = nodes.takers(name);
  if (taker?.op === "Div" && taker.inputs[1] === name && isDividend(taker.inputs[0])) return taker;
  const isInverse =
    taker?.op === "Reciprocal" || (taker?.op === "Div" && nodes.number(taker.inputs[0]) === 1);
  const [end] = isInverse ? nodes.takers(taker.outputs[0]!) : [];
  return end?.op === "Mul" && end.inputs.some(isDividend) ? end : undefined;
}

/** A LayerNormalization in the place of x less its mean by this standard deviation: √(mean((x − mean)²) + ε). */
function layerNorm(nodes: Nodes, root: OnnxNode): Replaced | undefined {
  const shifted = root.op === "Sqrt" ? nodes.maker(root.inputs[0], "Add") : undefined;
  const variance = shifted?.inputs.map((name) => nodes.maker(name, "ReduceMean")).find(Boolean);
  const epsilon = shifted?.inputs.map((name) => nodes.number(name)).find((number) => number !== undefined);
  const square = nodes.maker(variance?.inputs[0], "Pow", "Mul");
  const x = nodes.maker(square?.inputs[0], "Sub")?.inputs[0];
  if (!variance || epsilon === undefined || !square || x === undefined) return undefined;
  const axes = axesOf(nodes, variance);
  const isCentred = (name: string | undefined): boolean => {
    const centred = nodes.maker(name, "Sub");
    const mean = nodes.maker(centred?.inputs[1], "ReduceMean");
    const isMean = mean?.inputs[0] === x && axesOf(nodes, mean)?.join() === axes?.join();
    return centred?.inputs[0] === x && isMean;
  };
  const [base, other] = square.inputs;
  const isSquare = square.op === "Mul" ? isCentred(other) : nodes.number(other) === 2;
  const end = quotient(nodes, root.outputs[0]!, isCentred);
  if (!axes || !isSquare || !isCentred(base) || !end) return undefined;
  const attributes = { axes: { ints: axes }, epsilon: { float: epsilon } };
  // Named as PyTorch's exporter names such a node, after its module.
  const name = end.name.replace(/\/(Div|Mul)(_\d+)?$/, "/LayerNormalization");
  return [end, [{ ...end, op: "LayerNormalization", name, inputs: [x], attributes }]];
}

/** What is added up to a value: the values that are no sums, in at most so many steps. */
function summands(nodes: Nodes, name: string, steps = MOST_STEPS): readonly string[] {
  const sum = nodes.maker(name, "Add");
  if (!sum || nodes.tensor(name) || steps === 0) return [name];
  return sum.inputs.flatMap((input) => summands(nodes, input, steps - 1));
}

/** Whether a value is n · `size` for image n, (N, 1, 1, 1). */
function isOffset(nodes: Nodes, name: string, size: number): boolean {
  const times = nodes.maker(nodes.maker(name, "Unsqueeze")?.inputs[0], "Mul");
  const range = nodes.maker(times?.inputs[0], "Range");
  const [from, , step] = (range?.inputs ?? []).map((input) => nodes.number(input));
  return from === 0 && step === 1 && nodes.number(times?.inputs[1]) === size;
}

/**
 * A Reshape in the place of all numbers of a value in a row, taken one after another: PyTorch's `as_strided`, of an average pool
 * to one pixel. Of any number of images, where an image begins is computed.
 */
function taken(nodes: Nodes, end: OnnxNode): Replaced | undefined {
  const row = end.op === "Gather" ? nodes.maker(end.inputs[0], "Reshape") : undefined;
  if (!row || nodes.tensor(row.inputs[1])?.ints().join() !== "-1") return undefined;
  const parts = summands(nodes, end.inputs[1] ?? "");
  const [indices, ...others] = parts
    .flatMap((part) => nodes.tensor(part) ?? [])
    .sort((a, b) => Math.max(...b.shape) - Math.max(...a.shape));
  const isRow = indices?.ints().every((index, i) => index === i);
  if (!indices || !isRow || !others.every((tensor) => tensor.ints().join() === "0")) return undefined;
  const offsets = parts.filter((part) => !nodes.tensor(part));
  const size = indices.ints().length;
  if (offsets.length > 1 || !offsets.every((part) => isOffset(nodes, part, size))) return undefined;
  const shape = `${end.outputs[0]} (shape)`;
  const ints = offsets.length > 0 ? [-1, ...indices.shape.slice(1)] : indices.shape;
  return [
    end,
    [
      { op: "Constant", name: shape, inputs: [], outputs: [shape], attributes: { value_ints: { ints } } },
      { ...end, op: "Reshape", inputs: [row.inputs[0]!, shape], attributes: {} },
    ],
  ];
}

/** The same nodes, with one for each function that is written out in many. */
export function withoutIdioms(given: readonly OnnxNode[], tensors: OnnxModel["tensors"]): OnnxNode[] {
  const nodes = new Nodes(given, tensors);
  const replaced = new Map<OnnxNode, readonly OnnxNode[]>();
  for (const node of given) {
    const pair = gelu(nodes, node) ?? layerNorm(nodes, node) ?? taken(nodes, node);
    if (pair) replaced.set(...pair);
  }
  return given.flatMap((node) => replaced.get(node) ?? node);
}
