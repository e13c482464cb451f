/** Functions that files write out in many nodes: read as the layers that they are, as ONNX Runtime computes them. */
import { describe, expect, it } from "vitest";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import type { OnnxNode } from "../../../src/formats/onnx/model-proto.ts";
import { chain, GraphFile, node } from "../../support/models/onnx-graph.ts";
import { expectSame, typesIn } from "../../support/models/onnx-same.ts";

/** A convolution `c` (N, 4, 6, 5) of the images `x` (N, 3, 8, 7). */
const map = (): GraphFile => new GraphFile().input("x", ["N", 3, 8, 7]).conv("x", "c", 4, 3);

/** The same with the largest pixels of a value of 4 channels at the end. */
const ended = (file: GraphFile, value: string): Uint8Array<ArrayBuffer> =>
  file.append(chain(node("GlobalMaxPool", [value], "y"))).finish("y", 17, ["N", 4, 1, 1]);

const END = "global_max_pool";

const ints = (name: string, ...values: number[]): OnnxNode =>
  node("Constant", [], name, { value_ints: { ints: values } });
const int = (name: string, value: number): OnnxNode =>
  node("Constant", [], name, { value_int: { int: value } });
const number = (name: string, value: number): OnnxNode =>
  node("Constant", [], name, { value_float: { float: value } });

/** A weight `w` and a bias `b`. */
const affine = (file: GraphFile, ...shape: number[]): GraphFile => file.tensor("w", shape).tensor("b", shape);

describe("a layer norm that is written out", () => {
  const written = (axes: readonly number[], square: (d: string) => OnnxNode, x = "c"): GraphFile =>
    chain(
      ...[number("two", 2), number("eps", 1e-3), ints("axes", ...axes)],
      ...[
        node("ReduceMean", [x], "mean", { axes: { ints: axes } }),
        node("Sub", [x, "mean"], "d"),
        square("d"),
      ],
      ...[node("ReduceMean", ["s"], "v", { axes: { ints: axes } }), node("Add", ["eps", "v"], "e")],
      ...[node("Sqrt", ["e"], "r"), node("Div", ["d", "r"], "n"), node("Mul", ["w", "n"], "p")],
      node("Add", ["p", "b"], "m"),
    );
  const pow = (d: string) => node("Pow", [d, "two"], "s");

  it.each<[string, readonly number[], (d: string) => OnnxNode, string]>([
    ["channels", [1], pow, "layer_norm"],
    ["channels, squared by a product", [1], (d) => node("Mul", [d, d], "s"), "layer_norm"],
    ["pixels", [2, 3], pow, "group_norm"],
    ["all numbers", [-3, -2, -1], pow, "group_norm"],
  ])("of %s is one", async (_, axes, square, type) => {
    const bytes = ended(affine(map(), 4, 1, 1).append(written(axes, square)), "m");
    expect(typesIn(bytes)).toEqual(["conv2d", type, END]);
    await expectSame(bytes);
  });

  it.each<[string, readonly OnnxNode[]]>([
    ["Reciprocal", [node("Reciprocal", ["r"], "i"), node("Mul", ["d", "i"], "n")]],
    ["1 / √", [number("one", 1), node("Div", ["one", "r"], "i"), node("Mul", ["i", "d"], "n")]],
  ])("with %s is one", async (_, inverse) => {
    const file = written([1], pow).nodes.flatMap((each) => (each.op === "Div" ? inverse : [each]));
    const bytes = ended(affine(map(), 4, 1, 1).append(chain(...file)), "m");
    expect(typesIn(bytes)).toEqual(["conv2d", "layer_norm", END]);
    await expectSame(bytes);
  });

  it("is none where what is divided is not centred", () => {
    const nodes = written([1], pow).nodes.map((each) =>
      each.op === "Div" ? { ...each, inputs: ["c", "r"] } : each,
    );
    expect(() => importOnnx(ended(affine(map(), 4, 1, 1).append(chain(...nodes)), "m"))).toThrow(
      /Sqrt \("r"/,
    );
  });

  it("is none where the means are of other axes", () => {
    const nodes = written([1], pow).nodes.map((each) =>
      each.outputs[0] === "v" ? { ...each, attributes: { axes: { ints: [2, 3] } } } : each,
    );
    expect(() => importOnnx(ended(affine(map(), 4, 1, 1).append(chain(...nodes)), "m"))).toThrow(
      /Sqrt \("r"/,
    );
  });

  it("is none where the power is another", () => {
    const file = affine(map(), 4, 1, 1).tensor("three", [], [3]);
    const bytes = ended(file.append(written([1], (d) => node("Pow", [d, "three"], "s"))), "m");
    expect(() => importOnnx(bytes)).toThrow(
      /Pow \("s"; it is read only as a part of a layer norm or of GELU\), Sqrt \("r"/,
    );
  });
});

describe("a GELU that is written out", () => {
  const numbers = [number("half", 0.5), number("one", 1), number("two", 2), number("root", Math.SQRT2)];
  const erf = [node("Div", ["c", "root"], "z"), node("Erf", ["z"], "s")];
  const more = [number("three", 3), number("a", 0.044715), number("k", Math.sqrt(2 / Math.PI))];
  const tanh = [node("Add", ["c", "t"], "u"), node("Mul", ["k", "u"], "z"), node("Tanh", ["z"], "s")];
  const end = [node("Add", ["one", "s"], "q"), node("Mul", ["half", "c"], "h"), node("Mul", ["h", "q"], "m")];

  it.each<[string, readonly OnnxNode[], string]>([
    ["(x/2) (1 + erf)", [...erf, ...end], "gelu"],
    [
      "x (1 + erf) / 2",
      [...erf, node("Add", ["s", "one"], "q"), node("Mul", ["c", "q"], "h"), node("Div", ["h", "two"], "m")],
      "gelu",
    ],
    [
      "x ((1 + erf) / 2)",
      [...erf, node("Add", ["s", "one"], "q"), node("Mul", ["half", "q"], "h"), node("Mul", ["h", "c"], "m")],
      "gelu",
    ],
    [
      "x/2 + x/2 erf",
      [...erf, node("Mul", ["c", "half"], "h"), node("Mul", ["h", "s"], "q"), node("Add", ["h", "q"], "m")],
      "gelu",
    ],
    [
      "tanh of x + a x³",
      [node("Pow", ["c", "three"], "p"), node("Mul", ["a", "p"], "t"), ...tanh, ...end],
      "gelu_tanh",
    ],
    [
      "tanh of x + a x x x",
      [
        node("Mul", ["c", "c"], "o"),
        node("Mul", ["c", "o"], "p"),
        node("Mul", ["a", "p"], "t"),
        ...tanh,
        ...end,
      ],
      "gelu_tanh",
    ],
    [
      "tanh of k x (1 + a x x)",
      [
        ...[node("Mul", ["a", "c"], "o"), node("Mul", ["o", "c"], "p"), node("Add", ["p", "one"], "t")],
        ...[node("Mul", ["c", "k"], "u"), node("Mul", ["u", "t"], "z"), node("Tanh", ["z"], "s"), ...end],
      ],
      "gelu_tanh",
    ],
    [
      "tanh with a cube between Transposes",
      [
        node("Transpose", ["c"], "last", { perm: { ints: [0, 2, 3, 1] } }),
        ...[node("Pow", ["last", "three"], "p"), node("Mul", ["p", "a"], "o")],
        node("Transpose", ["o"], "t", { perm: { ints: [0, 3, 1, 2] } }),
        ...[...tanh, ...end],
      ],
      "gelu_tanh",
    ],
  ])("as %s is one", async (_, nodes, name) => {
    const bytes = ended(map().append(chain(...numbers, ...more, ...nodes)), "m");
    expect(importOnnx(bytes).model.options.layers).toMatchObject([
      { type: "conv2d", activation: name },
      { type: END },
    ]);
    await expectSame(bytes);
  });

  it("is one of a sum, which another layer takes too", async () => {
    const file = map().append(chain(node("Add", ["c", "c"], "d"), ...numbers));
    const nodes = [...erf, ...end].map((each) => ({
      ...each,
      inputs: each.inputs.map((name) => (name === "c" ? "d" : name)),
    }));
    const bytes = ended(file.append(chain(...nodes, node("Sub", ["d", "m"], "n"))), "n");
    expect(typesIn(bytes)).toEqual(["conv2d", "add", "activation", "sub", END]);
    await expectSame(bytes);
  });

  it.each<[string, readonly OnnxNode[]]>([
    ["another factor", [node("Mul", ["c", "one"], "z"), node("Erf", ["z"], "s"), ...end]],
    [
      "another half",
      [...erf, node("Add", ["two", "s"], "q"), node("Mul", ["half", "c"], "h"), node("Mul", ["h", "q"], "m")],
    ],
    ["nothing after it", [node("Div", ["c", "root"], "z"), node("Erf", ["z"], "m")]],
  ])("is none with %s", (_, nodes) => {
    expect(() => importOnnx(ended(map().append(chain(...numbers, ...nodes)), "m"))).toThrow(
      /Erf \(".*"; it is read only as a part of GELU/,
    );
  });

  it("is none where a tanh is nothing but that", async () => {
    const bytes = ended(map().append(chain(node("Tanh", ["c"], "t"), node("Mul", ["c", "t"], "m"))), "m");
    expect(typesIn(bytes)).toEqual(["conv2d", "activation", "mul", END]);
    await expectSame(bytes);
  });
});

describe("all numbers of a pixel, taken by their places", () => {
  const pixel = [
    ...[node("GlobalAveragePool", ["c"], "p"), ints("all", -1), node("Reshape", ["p", "all"], "row")],
    ...[ints("shape", 1, 4, 1, 1), ints("axes", 1, 2, 3), int("zero", 0), int("one", 1), int("four", 4)],
    ...[node("Shape", ["x"], "s", { start: { int: 0 }, end: { int: 1 } }), node("Squeeze", ["s"], "n")],
    ...[node("Range", ["zero", "n", "one"], "range"), node("Mul", ["range", "four"], "begins")],
    ...[node("Unsqueeze", ["begins", "axes"], "begin"), node("Add", ["begin", "zero"], "from")],
  ];
  const places = (...values: number[]) => [
    ints("list", ...values),
    node("Reshape", ["list", "shape"], "places"),
  ];
  const ends = [node("Flatten", ["m"], "f"), node("Identity", ["f"], "y")];
  const finish = (batch: number | string, ...nodes: OnnxNode[]): Uint8Array<ArrayBuffer> =>
    new GraphFile()
      .input("x", [batch, 3, 8, 7])
      .conv("x", "c", 4, 3)
      .append(chain(...pixel, ...nodes, ...ends))
      .finish("y", 17, [batch, 4]);

  it("of one image are the same", async () => {
    const bytes = finish(1, ...places(0, 1, 2, 3), node("Gather", ["row", "places"], "m"));
    expect(typesIn(bytes)).toEqual(["conv2d", "global_avg_pool"]);
    await expectSame(bytes, 1);
  });

  it("of any number of images are the same", async () => {
    const sum = node("Add", ["from", "places"], "index");
    const bytes = finish("N", ...places(0, 1, 2, 3), sum, node("Gather", ["row", "index"], "m"));
    expect(typesIn(bytes)).toEqual(["conv2d", "global_avg_pool"]);
    await expectSame(bytes, 3);
  });

  it("are refused in another order, or of other places", () => {
    const gather = node("Gather", ["row", "places"], "m");
    expect(() => importOnnx(finish(1, ...places(1, 0, 2, 3), gather))).toThrow(/Gather|Reshape/);
    const [sum, index] = [node("Add", ["places", "range"], "index"), node("Gather", ["row", "index"], "m")];
    expect(() => importOnnx(finish("N", ...places(0, 1, 2, 3), sum, index))).toThrow(/Range \("range"/);
  });
});
