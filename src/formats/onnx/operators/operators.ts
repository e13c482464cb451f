import type { ActivationLike } from "../../../layers/index.ts";
import { permute } from "../../../weights/layout.ts";
import { FLOATS } from "../fold.ts";
import type { OnnxImporter } from "../importer.ts";
import type { OnnxTensor } from "../model-proto.ts";
import { type Operator, pass, type Reading } from "../reading.ts";
import { readAffine } from "./affine.ts";
import { CONVOLUTIONS } from "./convolutions.ts";
import { NORMS } from "./norms.ts";
import { SHAPE_OPERATORS } from "./shape-operators.ts";

/** The largest f32, by which exporters write no bound. */
const MOST_FLOAT = 3.4e38;

const activated =
  (activationOf: (node: Reading) => ActivationLike): Operator =>
  (node, into) =>
    into.activate(node.value(), activationOf(node), node.output);

/** A dense layer with a weight (K, C) or, if transposed, (C, K). */
function linear(node: Reading, into: OnnxImporter, isTransposed: boolean): void {
  const weight = node.constant(1);
  if (weight.shape.length !== 2) node.fail(`has a weight of (${weight.shape.join(", ")})`);
  const [K, C] = (isTransposed ? weight.shape.toReversed() : weight.shape) as [number, number];
  const name = into.layerName(node.node, weight.name || node.node.inputs[1]!);
  const values = isTransposed ? into.transposed(weight) : weight.floats();
  const flat = into.flatExtents(node.node.inputs[0] ?? "");
  into.weight(`${name}.weight`, [K, C], flat ? permute(values, [K, ...flat], [0, 3, 1, 2]) : values);
  const bias = node.has(2);
  if (bias) into.weight(`${name}.bias`, ...vector(node, node.constant(2), K));
  into.add({ type: "dense", name, outFeatures: K, bias }, [node.value()], node.output);
}

/** A tensor of K values as a vector; its other extents must be 1. */
function vector(node: Reading, tensor: OnnxTensor, K: number): [shape: number[], data: Float32Array] {
  const { shape } = tensor;
  if (shape.at(-1) !== K || shape.slice(0, -1).some((extent) => extent !== 1)) {
    node.fail(`adds a (${shape.join(", ")}) to ${K} features`);
  }
  return [[K], tensor.floats()];
}

type GlobalPool = "global_avg_pool" | "global_max_pool";

const overPixels =
  (type: GlobalPool): Operator =>
  (node, into) =>
    into.add({ type, keepPixel: true }, [node.value()], node.output);

const reduced =
  (type: GlobalPool): Operator =>
  (node, into) => {
    const given = node.has(1) ? node.constant(1).ints() : (node.node.attributes.axes?.ints ?? []);
    const axes = given.map((axis) => (axis < 0 ? axis + 4 : axis)).sort();
    if (axes.join() !== "2,3") node.fail(`has axes [${given.join(", ")}] instead of [2, 3], those of pixels`);
    into.add({ type, keepPixel: node.int("keepdims", 1) !== 0 }, [node.value()], node.output);
  };

/** How nodes of each operator are read. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  ...SHAPE_OPERATORS,
  ...CONVOLUTIONS,
  ...NORMS,
  Gemm(node, into) {
    node.expect("transA", 0);
    for (const scale of ["alpha", "beta"]) node.expect(scale, 1);
    linear(node, into, node.int("transB", 0) === 0);
  },
  MatMul: (node, into) => linear(node, into, true),
  Add(node, into) {
    if (!readAffine(node, into)) into.sum(node.value(0), node.value(1), node.output);
  },
  Sub(node, into) {
    if (!readAffine(node, into)) into.add({ type: "sub" }, [node.value(0), node.value(1)], node.output);
  },
  Div: (node, into) => void (readAffine(node, into) || node.fail("can be read only with a constant")),
  Mul(node, into) {
    if (!readAffine(node, into)) into.product(node.value(0), node.value(1), node.output);
  },
  Sum(node, into) {
    if (node.node.inputs.length < 2) return pass(node, into);
    const [first, ...others] = node.node.inputs.map((_, i) => node.value(i)) as [string, ...string[]];
    others.reduce((sum, value, i) => {
      const to = i === others.length - 1 ? node.output : into.fresh(`${node.output}.${i}`);
      into.sum(sum, value, to);
      return to;
    }, first);
  },
  Mean(node, into) {
    if (node.node.inputs.length === 1) return pass(node, into);
    into.add(
      { type: "average" },
      node.node.inputs.map((_, i) => node.value(i)),
      node.output,
    );
  },
  Concat(node, into) {
    if (node.node.inputs.length === 1) return pass(node, into);
    node.expect("axis", 1);
    into.add(
      { type: "concat" },
      node.node.inputs.map((_, i) => node.value(i)),
      node.output,
    );
  },
  MaxPool(node, into) {
    node.expect("storage_order", 0);
    into.add({ type: "max_pool2d", ...node.windows() }, [node.value()], node.output);
  },
  AveragePool(node, into) {
    const countIncludePad = node.int("count_include_pad", 0) !== 0;
    into.add({ type: "avg_pool2d", ...node.windows(), countIncludePad }, [node.value()], node.output);
  },
  GlobalAveragePool: overPixels("global_avg_pool"),
  GlobalMaxPool: overPixels("global_max_pool"),
  ReduceMean: reduced("global_avg_pool"),
  ReduceMax: reduced("global_max_pool"),
  Cast(node, into) {
    const to = node.int("to", 0);
    if (!FLOATS.includes(to)) node.fail(`makes values of the type ${to}, where only floats can be read`);
    pass(node, into);
  },
  Dropout(node, into) {
    const p = node.has(1) ? node.constant(1).floats()[0] : node.float("ratio", 0.5);
    if (!(p !== undefined && p >= 0 && p < 1)) return node.fail(`has the ratio ${p}`);
    const name = into.layerName(node.node, node.output);
    into.add({ type: "dropout", name, p }, [node.value()], node.output);
  },
  Softmax(node, into) {
    const axis = node.int("axis", 1);
    if (axis !== 1 && axis !== -1) node.fail(`has axis ${axis} instead of 1 or -1`);
    into.softmax(node.output, node.value());
  },
  Identity: pass,
  Relu: activated(() => "relu"),
  PRelu(node, into) {
    const slope = node.constant(1);
    const values = slope.floats();
    const C = into.shapeOf(node.value())[1]!;
    // One for each channel, (C, 1, 1), with any axes of 1 before.
    const isEach =
      values.length === C && slope.shape.toReversed().every((n, i) => n === 1 || i === (C === 1 ? 0 : 2));
    if (values.length !== 1 && !isEach)
      node.fail(`has slopes of (${slope.shape.join(", ")}) for ${C} channels`);
    const name = into.layerName(node.node, slope.name || node.node.inputs[1]!);
    into.weight(`${name}.weight`, [values.length], values);
    into.add({ type: "prelu", name, numParameters: values.length }, [node.value()], node.output);
  },
  LeakyRelu: activated((node) => ({ name: "leaky_relu", alpha: node.float("alpha", 0.01) })),
  HardSwish: activated(() => "hardswish"),
  HardSigmoid: activated((node) => {
    // Its default slope, 0.2, is not that of the usual function.
    if (Math.abs(node.float("alpha", 0.2) - 1 / 6) > 1e-6) node.fail("has an alpha other than 1/6");
    node.expect("beta", 0.5);
    return "hardsigmoid";
  }),
  Clip: activated((node) => {
    const bound = (index: number, name: string, otherwise: number): number =>
      node.has(index)
        ? (node.constant(index).floats()[0] ?? Number.NaN)
        : (node.node.attributes[name]?.float ?? otherwise);
    const [least, most] = [bound(1, "min", -Infinity), bound(2, "max", Infinity)];
    if (least === 0 && most === 6) return "relu6";
    if (least === 0 && most >= MOST_FLOAT) return "relu";
    if (Number.isFinite(least) && Number.isFinite(most))
      return { name: "hardtanh", alpha: least, beta: most };
    const range = `${least}…${most}`.replaceAll("Infinity", "∞");
    return node.fail(`clips to ${range}; only 0…∞, ReLU, and two finite bounds can be read`);
  }),
  Softplus: activated(() => "softplus"),
  Elu: activated((node) => ({ name: "elu", alpha: node.float("alpha", 1) })),
  Sigmoid: activated(() => "sigmoid"),
  Tanh: activated(() => "tanh"),
  Gelu: activated((node) => (node.node.attributes.approximate?.text === "tanh" ? "gelu_tanh" : "gelu")),
};
