/** What exporters write around a network's own layers, each alone and in pairs: read as ONNX Runtime computes it. */
import { describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { chain, GraphFile, node } from "../../support/models/onnx-graph.ts";
import { expectSame, typesIn } from "../../support/models/onnx-same.ts";

/** A value's shape as PyTorch's exporter computes with it. */
const FLATTENS: Readonly<Record<string, (x: string, features: number) => GraphFile>> = {
  "view(x.size(0), -1)": (x) =>
    chain(
      node("Shape", [x], "s"),
      node("Constant", [], "zero", { value_int: { int: 0 } }),
      node("Gather", ["s", "zero"], "n", { axis: { int: 0 } }),
      node("Constant", [], "axes", { value_ints: { ints: [0] } }),
      node("Unsqueeze", ["n", "axes"], "ns"),
      node("Constant", [], "rest", { value_ints: { ints: [-1] } }),
      node("Concat", ["ns", "rest"], "to", { axis: { int: 0 } }),
      node("Reshape", [x, "to"], "flat"),
    ),
  "a product of extents": (x) =>
    chain(
      node("Shape", [x], "s"),
      ...[0, 1, 2, 3].flatMap((i) => [
        node("Constant", [], `i${i}`, { value_int: { int: i } }),
        node("Gather", ["s", `i${i}`], `e${i}`),
      ]),
      node("Mul", ["e1", "e2"], "ch"),
      node("Mul", ["ch", "e3"], "chw"),
      node("Constant", [], "axes", { value_ints: { ints: [0] } }),
      node("Unsqueeze", ["e0", "axes"], "ns"),
      node("Unsqueeze", ["chw", "axes"], "fs"),
      node("Concat", ["ns", "fs"], "to", { axis: { int: 0 } }),
      node("Reshape", [x, "to"], "flat"),
    ),
  "a slice of the shape": (x) =>
    chain(
      node("Shape", [x], "s"),
      node("Constant", [], "start", { value_ints: { ints: [0] } }),
      node("Constant", [], "end", { value_ints: { ints: [1] } }),
      node("Slice", ["s", "start", "end"], "n"),
      node("Cast", ["n"], "n64", { to: { int: 7 } }),
      node("Constant", [], "one", { value_ints: { ints: [1] } }),
      node("ConstantOfShape", ["one"], "zeros"),
      node("Constant", [], "minus", { value_ints: { ints: [-1] } }),
      node("Identity", ["minus"], "rest"),
      node("Concat", ["n64", "rest"], "to", { axis: { int: 0 } }),
      node("Reshape", [x, "to"], "flat"),
    ),
  "the shape's first part (opset 15)": (x) =>
    chain(
      node("Shape", [x], "n", { start: { int: 0 }, end: { int: 1 } }),
      node("Constant", [], "rest", { value_ints: { ints: [-1] } }),
      node("Concat", ["n", "rest"], "to", { axis: { int: 0 } }),
      node("Reshape", [x, "to"], "flat"),
    ),
  "numbers that are folded": (x, features) =>
    chain(
      node("Constant", [], "f", { value_int: { int: features } }),
      node("Constant", [], "shape", { value_ints: { ints: [1] } }),
      node("Reshape", ["f", "shape"], "fs"),
      node("Constant", [], "zero", { value_ints: { ints: [0] } }),
      node("Concat", ["zero", "fs"], "to", { axis: { int: 0 } }),
      node("Squeeze", ["to"], "same"),
      node("Reshape", [x, "same"], "flat"),
    ),
};

describe("a flatten", () => {
  it.each(Object.keys(FLATTENS))("by %s is one layer", async (name) => {
    const file = new GraphFile().input("x", ["N", 3, 5, 4]).conv("x", "c", 4, 3).relu("c", "r");
    file.append(FLATTENS[name]!("r", 4 * 3 * 2)).gemm("flat", "y", 24, 5);
    const bytes = file.finish("y");
    expect(typesIn(bytes)).toEqual(["conv2d", "flatten", "dense"]);
    await expectSame(bytes);
  });

  it.each(Object.keys(FLATTENS).slice(0, 1))("by %s of means is none", async (name) => {
    const file = new GraphFile().input("x", ["N", 3, 5, 4]).conv("x", "c", 4, 3);
    file.append(chain(node("GlobalAveragePool", ["c"], "m"))).append(FLATTENS[name]!("m", 4));
    const bytes = file.gemm("flat", "y", 4, 5).finish("y");
    expect(typesIn(bytes)).toEqual(["conv2d", "global_avg_pool", "dense"]);
    await expectSame(bytes);
  });

  it("to the batch that the file is for is the same for any batch", async () => {
    const file = new GraphFile().input("x", [8, 3, 5, 4]).conv("x", "c", 4, 3);
    file.append(
      chain(
        node("Constant", [], "to", { value_ints: { ints: [8, 24] } }),
        node("Reshape", ["c", "to"], "flat"),
      ),
    );
    const bytes = file.gemm("flat", "y", 24, 5).finish("y");
    expect(typesIn(bytes)).toEqual(["conv2d", "flatten", "dense"]);
    await expectSame(bytes, 8);
  });

  it("that mixes the images is refused", () => {
    const file = new GraphFile().input("x", ["N", 3, 5, 4]).conv("x", "c", 4, 3);
    file.append(
      chain(
        node("Shape", ["c"], "n", { start: { int: 0 }, end: { int: 1 } }),
        node("Constant", [], "two", { value_ints: { ints: [2] } }),
        node("Mul", ["n", "two"], "n2"),
        node("Constant", [], "rest", { value_ints: { ints: [-1] } }),
        node("Concat", ["n2", "rest"], "to", { axis: { int: 0 } }),
        node("Reshape", ["c", "to"], "flat"),
      ),
    );
    expect(() => importOnnx(file.finish("flat"))).toThrow(/Mul "n2" computes with the number of images/);
  });
});

describe("an end", () => {
  const headless = () => new GraphFile().input("x", ["N", 3, 5, 4]).conv("x", "c", 4, 3);
  const mean = node("GlobalAveragePool", ["c"], "m");

  it.each<[string, GraphFile]>([
    ["(N, C, 1, 1)", chain(mean, node("Identity", ["m"], "y"))],
    ["(N, C, 1, 1) of probabilities", chain(mean, node("Softmax", ["m"], "y", { axis: { int: 1 } }))],
    [
      "Squeeze of its pixels",
      chain(
        mean,
        node("Constant", [], "axes", { value_ints: { ints: [2, -1] } }),
        node("Squeeze", ["m", "axes"], "y"),
      ),
    ],
    ["Cast", chain(mean, node("Flatten", ["m"], "f"), node("Cast", ["f"], "y", { to: { int: 1 } }))],
    ["Dropout", chain(mean, node("Flatten", ["m"], "f"), node("Dropout", ["f"], "y"))],
  ])("in %s is read", async (name, end) => {
    const shape = name === "(N, C, 1, 1)" ? ["N", 4, 1, 1] : ["N", 4];
    const bytes = headless().append(end).finish("y", 17, shape);
    expect(importOnnx(bytes).model.classes).toBe(4);
    if (!name.includes("probabilities")) await expectSame(bytes);
  });

  it("of a softmax may be followed by what changes nothing, and by nothing else", () => {
    const softmax = chain(mean, node("Flatten", ["m"], "f"), node("Softmax", ["f"], "p"));
    const same = chain(node("Cast", ["p"], "q", { to: { int: 1 } }), node("Identity", ["q"], "y"));
    expect(importOnnx(headless().append(softmax).append(same).finish("y")).model.classes).toBe(4);
    const more = chain(node("Cast", ["p"], "q", { to: { int: 1 } }), node("Relu", ["q"], "y"));
    expect(() => importOnnx(headless().append(softmax).append(more).finish("y"))).toThrow(/after a softmax/);
  });

  it("of whole numbers is refused", () => {
    const end = chain(mean, node("Flatten", ["m"], "f"), node("Cast", ["f"], "y", { to: { int: 7 } }));
    expect(() => importOnnx(headless().append(end).finish("y"))).toThrow(
      new WeightsError('onnx: Cast "y" makes values of the type 7, where only floats can be read'),
    );
  });
});

describe("what cannot be folded", () => {
  it.each<[string, GraphFile, RegExp]>([
    [
      "a constant where a value belongs",
      chain(node("Constant", [], "k", { value_float: { float: 1 } }), node("Relu", ["k"], "y")),
      /Relu "y" takes "k", a constant, where only what is computed from the images can be read/,
    ],
    [
      "a shape of what the images decide",
      chain(node("ConstantOfShape", ["x"], "y")),
      /ConstantOfShape "y" computes with values, where only constants are read/,
    ],
    [
      "more than shapes need",
      chain(
        node("Constant", [], "k", { value_ints: { ints: [1e6, 1e6] } }),
        node("ConstantOfShape", ["k"], "c"),
        node("Reshape", ["x", "c"], "y"),
      ),
      /makes a constant of \(1000000, 1000000\)/,
    ],
  ])("is refused: %s", (_, nodes, message) => {
    const file = new GraphFile().input("x", ["N", 3, 5, 4]).append(nodes);
    expect(() => importOnnx(file.finish("y"))).toThrow(WeightsError);
    expect(() => importOnnx(file.finish("y"))).toThrow(message);
  });
});
