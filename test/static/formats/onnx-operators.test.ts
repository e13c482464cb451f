/** Operators of networks beyond ResNet and VGG, each alone and in pairs: read as ONNX Runtime computes it. */
import { describe, expect, it } from "vitest";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import type { OnnxNode } from "../../../src/formats/onnx/model-proto.ts";
import { chain, GraphFile, node } from "../../support/models/onnx-graph.ts";
import { expectSame, typesIn } from "../../support/models/onnx-same.ts";

/** A convolution `c` (N, 4, 6, 5) of the images `x` (N, 3, 8, 7). */
const map = (): GraphFile => new GraphFile().input("x", ["N", 3, 8, 7]).conv("x", "c", 4, 3);

/** A head of 5 classes on the means of a value of 4 channels. */
const headed = (file: GraphFile, value: string): Uint8Array<ArrayBuffer> =>
  file
    .append(chain(node("GlobalAveragePool", [value], "mean"), node("Flatten", ["mean"], "flat")))
    .gemm("flat", "y", 4, 5)
    .finish("y");

/** The same as a file of another opset. */
const withOpset = (file: GraphFile, value: string, opset: number): Uint8Array<ArrayBuffer> =>
  file.append(chain(node("GlobalAveragePool", [value], "y"))).finish("y", opset, ["N", 4, 1, 1]);

const HEAD = ["global_avg_pool", "dense"];

const sixth = { alpha: { float: 1 / 6 }, beta: { float: 0.5 } };

describe("the product of two values", () => {
  const pixel = node("GlobalAveragePool", ["c"], "p");
  it.each<[string, GraphFile, string[]]>([
    ["each value", chain(node("Tanh", ["c"], "t"), node("Mul", ["c", "t"], "m")), ["activation", "mul"]],
    [
      "squeeze-and-excitation",
      chain(pixel, node("HardSigmoid", ["p"], "s", sixth), node("Mul", ["s", "c"], "m")),
      ["global_avg_pool", "activation", "mul"],
    ],
    ["channels of means alone", chain(pixel, node("Mul", ["c", "p"], "m")), ["global_avg_pool", "mul"]],
    ["x · sigmoid(x)", chain(node("Sigmoid", ["c"], "s"), node("Mul", ["c", "s"], "m")), []],
    ["hardsigmoid(x) · x", chain(node("HardSigmoid", ["c"], "s", sixth), node("Mul", ["s", "c"], "m")), []],
    [
      "x · sigmoid(x) with another use of the sigmoid",
      chain(node("Sigmoid", ["c"], "s"), node("Mul", ["c", "s"], "a"), node("Add", ["a", "s"], "m")),
      ["activation", "mul", "add"],
    ],
    [
      "x · sigmoid(x) with another use of x",
      chain(node("Sigmoid", ["c"], "s"), node("Mul", ["c", "s"], "a"), node("Add", ["a", "c"], "m")),
      ["activation", "add"],
    ],
    ["a square", chain(node("Mul", ["c", "c"], "m")), ["mul"]],
  ])("is read of %s", async (_, nodes, types) => {
    const file = headed(map().append(nodes), "m");
    expect(typesIn(file)).toEqual(["conv2d", ...types, ...HEAD]);
    await expectSame(file);
  });

  it("is read of each pixel", async () => {
    const file = headed(
      map()
        .conv("x", "one", 1, 3)
        .append(chain(node("Mul", ["one", "c"], "m"))),
      "m",
    );
    expect(typesIn(file)).toEqual(["conv2d", "conv2d", "mul", ...HEAD]);
    await expectSame(file);
  });

  it("is refused of maps of other sizes", () => {
    const file = map()
      .conv("c", "d", 4, 4)
      .append(chain(node("Mul", ["c", "d"], "m")));
    expect(() => importOnnx(headed(file, "m"))).toThrow(/onnx: .*mul: b must be \(1, 6, 5, 4\)/);
  });
});

const ints = (name: string, ...values: number[]) =>
  node("Constant", [], name, { value_ints: { ints: values } });

describe("a factor for each channel that was flat", () => {
  const mean = [node("ReduceMean", ["c"], "p", { axes: { ints: [2, 3] }, keepdims: { int: 0 } })];
  it.each<[string, GraphFile]>([
    [
      "Unsqueeze",
      chain(...mean, ints("axes", 2, 3), node("Unsqueeze", ["p", "axes"], "u"), node("Mul", ["c", "u"], "m")),
    ],
    [
      "two of them",
      chain(
        ...[
          ...mean,
          ints("i", 2),
          ints("j", -1),
          node("Unsqueeze", ["p", "i"], "t"),
          node("Unsqueeze", ["t", "j"], "u"),
        ],
        node("Mul", ["u", "c"], "m"),
      ),
    ],
    [
      "Reshape",
      chain(
        ...mean,
        ints("to", -1, 4, 1, 1),
        node("Reshape", ["p", "to"], "u"),
        node("Mul", ["c", "u"], "m"),
      ),
    ],
    [
      "Expand to the map",
      chain(
        ...[...mean, ints("to", 0, -1, 1, 1), node("Reshape", ["p", "to"], "u"), node("Shape", ["c"], "s")],
        ...[node("Expand", ["u", "s"], "e"), node("Mul", ["c", "e"], "m")],
      ),
    ],
  ])("is read by %s", async (_, nodes) => {
    const file = headed(map().append(nodes), "m");
    expect(typesIn(file)).toEqual(["conv2d", "global_avg_pool", "mul", ...HEAD]);
    await expectSame(file);
  });

  it("is refused where it is more than that", () => {
    const expanded = chain(
      node("GlobalAveragePool", ["c"], "p"),
      node("Shape", ["c"], "s"),
      node("Expand", ["p", "s"], "m"),
    );
    expect(() => importOnnx(headed(map().append(expanded), "m"))).toThrow(
      /Expand "m" repeats \(N, 4, 1, 1\); only/,
    );
    const folded = chain(ints("to", 0, 2, 12, 5), node("Reshape", ["c", "to"], "m"));
    expect(() => importOnnx(headed(map().append(folded), "m"))).toThrow(
      /Reshape "m" makes \(0, 2, 12, 5\) of \(N, 4, 6, 5\)/,
    );
  });
});

describe("Pad", () => {
  const pad = (pads: readonly number[], mode: string, x = "c", to = "m") =>
    chain(ints("pads", ...pads), node("Pad", [x, "pads"], to, { mode: { text: mode } }));

  it.each<[string, number[], string, string[]]>([
    ["of zeros", [0, 0, 1, 2, 0, 0, 0, 3], "constant", ["pad2d"]],
    ["by reflection", [0, 0, 1, 2, 0, 0, 3, 0], "reflect", ["pad2d"]],
    ["by negative numbers", [0, 0, -1, 0, 0, 0, -2, -1], "constant", ["crop2d"]],
    ["by nothing", [0, 0, 0, 0, 0, 0, 0, 0], "reflect", []],
  ])("%s is read", async (_, pads, mode, types) => {
    const file = headed(
      map()
        .append(pad(pads, mode))
        .append(chain(node("Relu", ["m"], "n"))),
      "n",
    );
    const activated = types.length > 0 ? ["activation"] : [];
    expect(typesIn(file)).toEqual(["conv2d", ...types, ...activated, ...HEAD]);
    await expectSame(file);
  });

  it("of another number, along some axes, is read", async () => {
    const value = chain(
      ...[
        node("Constant", [], "v", { value_float: { float: 0.5 } }),
        ints("axes", 3, -2),
        ints("pads", 1, 0, 2, 1),
      ],
      node("Pad", ["c", "pads", "v", "axes"], "m"),
    );
    await expectSame(withOpset(map().append(value), "m", 18));
  });

  it("of zeros before a convolution is its padding", async () => {
    const file = map().append(pad([0, 0, 1, 0, 0, 0, 2, 1], "constant"));
    const bytes = headed(file.conv("m", "d", 4, 4), "d");
    expect(typesIn(bytes)).toEqual(["conv2d", "conv2d", ...HEAD]);
    await expectSame(bytes);
    const twice = map()
      .append(pad([0, 0, 1, 0, 0, 0, 2, 1], "constant"))
      .conv("m", "d", 4, 4)
      .conv("m", "e", 4, 4);
    const sum = headed(twice.append(chain(node("Add", ["d", "e"], "s"))), "s");
    expect(typesIn(sum)).toEqual(["conv2d", "pad2d", "conv2d", "conv2d", "add", ...HEAD]);
    await expectSame(sum);
    const reflected = map().append(pad([0, 0, 1, 0, 0, 0, 2, 1], "reflect"));
    await expectSame(headed(reflected.conv("m", "d", 4, 4), "d"));
  });
});

describe("pools", () => {
  const window = (kernel: number[], strides: number[], more = {}) => ({
    ...{ kernel_shape: { ints: kernel }, strides: { ints: strides }, ceil_mode: { int: 1 } },
    ...more,
  });
  const padded = { pads: { ints: [1, 0, 1, 1] } };
  it.each<[string, string, OnnxNode["attributes"]]>([
    ["MaxPool", "with ceil_mode", window([3, 2], [2, 2])],
    ["MaxPool", "with ceil_mode and padding", window([3, 2], [2, 2], padded)],
    ["AveragePool", "with ceil_mode", window([3, 2], [2, 2])],
    ["AveragePool", "with ceil_mode and padding", window([3, 2], [2, 2], padded)],
    ["AveragePool", "of one pixel, as adaptive ones leave", window([1, 1], [1, 1])],
    ["GlobalMaxPool", "", {}],
    ["ReduceMax", "of the pixels", { axes: { ints: [-1, 2] } }],
  ])("%s %s is read", async (op, _, attributes) => {
    await expectSame(headed(map().append(chain(node(op, ["c"], "m", attributes))), "m"));
  });
});

describe("PRelu", () => {
  it.each([[[4, 1, 1]], [[1]], [[1, 4, 1, 1]]])("with slopes of %j is read", async (shape) => {
    const file = map()
      .tensor("act.weight", shape)
      .append(chain(node("PRelu", ["c", "act.weight"], "m")));
    const bytes = headed(file, "m");
    const { model, weights } = importOnnx(bytes);
    expect(model.options.layers).toContainEqual(expect.objectContaining({ type: "prelu", name: "act" }));
    expect(weights.get("act.weight")!.shape).toEqual([Math.max(...shape)]);
    await expectSame(bytes);
  });

  it("with a slope for each pixel is refused", () => {
    const file = map()
      .tensor("k", [4, 6, 5])
      .append(chain(node("PRelu", ["c", "k"], "m")));
    expect(() => importOnnx(headed(file, "m"))).toThrow(/PRelu "m" has slopes of \(4, 6, 5\) for 4 channels/);
  });
});

describe("Resize", () => {
  const sized = (how: object, sizes: number[] = [], scales: number[] = []) =>
    map()
      .tensor("scales", [scales.length], scales)
      .append(
        chain(
          ...(sizes.length > 0 ? [node("Shape", ["c"], "n", { end: { int: 2 } }), ints("hw", ...sizes)] : []),
          ...(sizes.length > 0 ? [node("Concat", ["n", "hw"], "to", { axis: { int: 0 } })] : []),
          node(
            "Resize",
            ["c", "", sizes.length > 0 ? "" : "scales", ...(sizes.length > 0 ? ["to"] : [])],
            "m",
            how as never,
          ),
        ),
      );
  const how = (mode: string, transformation: string, nearest?: string) => ({
    ...{ mode: { text: mode }, coordinate_transformation_mode: { text: transformation } },
    ...(nearest && { nearest_mode: { text: nearest } }),
  });

  it.each<[string, object, number[], number[]]>([
    ["nearest as PyTorch has it", how("nearest", "asymmetric", "floor"), [], [1, 1, 2, 3]],
    ["nearest to a size", how("nearest", "asymmetric", "floor"), [9, 7], []],
    ["nearest by default", {}, [], [1, 1, 2, 3]],
    ["linear as PyTorch has it", how("linear", "pytorch_half_pixel"), [], [1, 1, 2, 3]],
    ["linear to a size, a smaller one too", how("linear", "half_pixel"), [9, 3], []],
    ["to the size that it has", how("linear", "align_corners"), [6, 5], []],
  ])("%s is read", async (_, attributes, sizes, scales) => {
    const file = headed(sized(attributes, sizes, scales), "m");
    expect(typesIn(file)).toEqual(["conv2d", "upsample", ...HEAD]);
    await expectSame(file);
  });

  it.each<[string, object, number[]]>([
    ["linear, align_corners", how("linear", "align_corners"), [1, 1, 2, 2]],
    ["linear, asymmetric", how("linear", "asymmetric"), [1, 1, 2, 2]],
    ["nearest, asymmetric, ceil", how("nearest", "asymmetric", "ceil"), [1, 1, 2, 2]],
    ["cubic, half_pixel", how("cubic", "half_pixel"), [1, 1, 2, 2]],
  ])("%s is refused", (name, attributes, scales) => {
    expect(() => importOnnx(headed(sized(attributes, [], scales), "m"))).toThrow(`Resize "m" is ${name}`);
  });

  it("is read in its old forms", async () => {
    const old = map()
      .tensor("k", [4], [1, 1, 2, 2])
      .append(chain(node("Upsample", ["c", "k"], "m", { mode: { text: "nearest" } })));
    await expectSame(withOpset(old, "m", 9));
    const ten = map()
      .tensor("k", [4], [1, 1, 2, 2])
      .append(chain(node("Resize", ["c", "k"], "m", { mode: { text: "nearest" } })));
    await expectSame(withOpset(ten, "m", 10));
  });
});

describe("values with their channels last", () => {
  const last = (x: string, to: string) => node("Transpose", [x], to, { perm: { ints: [0, 2, 3, 1] } });
  const first = (x: string, to: string) => node("Transpose", [x], to, { perm: { ints: [0, 3, 1, 2] } });

  it.each<[string, GraphFile, string[]]>([
    ["nothing", chain(last("c", "t"), first("t", "m")), []],
    ["an activation", chain(last("c", "t"), node("Relu", ["t"], "r"), first("r", "m")), []],
    [
      "constants and sums",
      chain(
        ...[
          last("c", "t"),
          node("Mul", ["t", "k"], "a"),
          node("Relu", ["a"], "b"),
          node("Add", ["b", "t"], "d"),
        ],
        ...[node("Add", ["d", "j"], "e"), first("e", "m")],
      ),
      ["rescale", "activation", "add", "rescale"],
    ],
    ["slopes", chain(last("c", "t"), node("PRelu", ["t", "k"], "a"), first("a", "m")), ["prelu"]],
    [
      "a concatenation",
      chain(
        last("c", "t"),
        node("Concat", ["t", "t"], "a", { axis: { int: -1 } }),
        first("a", "w"),
        node("Conv", ["w", "one"], "m"),
      ),
      ["concat", "conv2d"],
    ],
    [
      "squeeze-and-excitation",
      chain(
        ...[
          last("c", "t"),
          node("ReduceMean", ["t"], "p", { axes: { ints: [1, 2] } }),
          node("Sigmoid", ["p"], "s"),
        ],
        ...[node("Mul", ["t", "s"], "a"), first("a", "m")],
      ),
      ["global_avg_pool", "activation", "mul"],
    ],
  ])("are read around %s", async (_, nodes, types) => {
    const file = map().tensor("k", [4]).tensor("j", [1, 1, 1, 4]).tensor("one", [4, 8, 1, 1]);
    const bytes = headed(file.append(nodes), "m");
    expect(typesIn(bytes)).toEqual(["conv2d", ...types, ...HEAD]);
    await expectSame(bytes);
  });

  const flattens: [string, GraphFile][] = [
    ["Flatten", chain(node("Flatten", ["t"], "f"))],
    ["Reshape", chain(ints("to", -1, 120), node("Reshape", ["t", "to"], "f"))],
    [
      "Reshape by the shape",
      chain(
        ...[node("Shape", ["t"], "s", { end: { int: 1 } }), node("Shape", ["t"], "e", { start: { int: 1 } })],
        ...[
          ints("i", 0),
          ints("j", 1),
          ints("l", 2),
          node("Gather", ["e", "i"], "h"),
          node("Gather", ["e", "j"], "w"),
        ],
        ...[node("Gather", ["e", "l"], "d"), node("Mul", ["h", "w"], "hw"), node("Mul", ["hw", "d"], "hwc")],
        ...[node("Concat", ["s", "hwc"], "to", { axis: { int: 0 } }), node("Reshape", ["t", "to"], "f")],
      ),
    ],
  ];
  it.each(flattens)("are flattened by %s in their own order", async (_, flatten) => {
    const file = map()
      .append(chain(last("c", "t")))
      .append(flatten);
    file.append(chain(node("Relu", ["f"], "g")));
    const bytes = file.gemm("g", "y", 120, 5).finish("y");
    expect(typesIn(bytes)).toEqual(["conv2d", "flatten", "activation", "dense"]);
    await expectSame(bytes);
  });

  it("are means, and an end of one pixel", async () => {
    const mean = { axes: { ints: [1, 2] }, keepdims: { int: 0 } };
    const flat = map().append(chain(last("c", "t"), node("ReduceMean", ["t"], "y", mean)));
    await expectSame(flat.finish("y"));
    const pixel = map().append(
      chain(node("GlobalAveragePool", ["c"], "p"), last("p", "t"), node("Identity", ["t"], "y")),
    );
    await expectSame(pixel.finish("y", 17, ["N", 1, 1, 4]));
    const squeezed = map().append(
      chain(
        node("GlobalAveragePool", ["c"], "p"),
        last("p", "t"),
        ints("a", 1, 2),
        node("Squeeze", ["t", "a"], "y"),
      ),
    );
    await expectSame(squeezed.finish("y"));
  });

  it("are refused elsewhere", () => {
    const conv = map()
      .append(chain(last("c", "t")))
      .conv("t", "m", 4, 5);
    expect(() => importOnnx(headed(conv, "m"))).toThrow(
      /Conv "m" takes "t", which is in \(N, H, W, C\) order; put a Transpose to \(N, C, H, W\) before it/,
    );
    const mixed = map().append(chain(last("c", "t"), node("Add", ["c", "t"], "m")));
    expect(() => importOnnx(headed(mixed, "m"))).toThrow(
      /Add "m" takes "t", in \(N, H, W, C\) order, together with "c"/,
    );
    const turned = map().append(chain(node("Transpose", ["c"], "m", { perm: { ints: [0, 1, 3, 2] } })));
    expect(() => importOnnx(headed(turned, "m"))).toThrow(/Transpose "m" has perm \[0, 1, 3, 2\]; only/);
    const softmax = map().append(
      chain(last("c", "t"), node("Flatten", ["t"], "f"), node("Add", ["f", "f"], "y")),
    );
    expect(() => importOnnx(softmax.finish("y"))).toThrow(
      /Add "y" takes "f", a map flattened in \(H, W, C\) order/,
    );
  });
});
