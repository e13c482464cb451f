/** Norms, transposed convolutions and what tf2onnx leaves, each alone: read as ONNX Runtime computes it. */
import { describe, expect, it } from "vitest";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { encodeOnnx, type OnnxNode } from "../../../src/formats/onnx/model-proto.ts";
import { chain, GraphFile, node } from "../../support/models/onnx-graph.ts";
import { expectSame, typesIn } from "../../support/models/onnx-same.ts";

/** A convolution `c` (N, 4, 6, 5) of the images `x` (N, 3, 8, 7). */
const map = (): GraphFile => new GraphFile().input("x", ["N", 3, 8, 7]).conv("x", "c", 4, 3);

/** The same with the largest pixels of a value of 4 channels at the end. */
const ended = (file: GraphFile, value: string, opset = 17, channels = 4): Uint8Array<ArrayBuffer> =>
  file.append(chain(node("GlobalMaxPool", [value], "y"))).finish("y", opset, ["N", channels, 1, 1]);

const END = "global_max_pool";

const ints = (name: string, ...values: number[]): OnnxNode =>
  node("Constant", [], name, { value_ints: { ints: values } });

const eps = { epsilon: { float: 1e-3 } };

/** A weight `w` and a bias `b`. */
const affine = (file: GraphFile, ...shape: number[]): GraphFile => file.tensor("w", shape).tensor("b", shape);

describe("a norm of each image", () => {
  const groups = (n: number) => ({ ...eps, num_groups: { int: n } });
  it.each<[string, number, GraphFile, string]>([
    [
      "InstanceNormalization",
      17,
      affine(map(), 4).append(chain(node("InstanceNormalization", ["c", "w", "b"], "m", eps))),
      "group_norm",
    ],
    [
      "GroupNormalization, numbers for each group",
      18,
      affine(map(), 2).append(chain(node("GroupNormalization", ["c", "w", "b"], "m", groups(2)))),
      "group_norm",
    ],
    [
      "GroupNormalization, numbers for each channel",
      21,
      affine(map(), 4).append(chain(node("GroupNormalization", ["c", "w", "b"], "m", groups(2)))),
      "group_norm",
    ],
    [
      "LayerNormalization of all its numbers",
      17,
      affine(map(), 4, 1, 1).append(
        chain(node("LayerNormalization", ["c", "w", "b"], "m", { ...eps, axis: { int: 1 } })),
      ),
      "group_norm",
    ],
    [
      "LayerNormalization without a bias, one number for all",
      17,
      map()
        .tensor("w", [1], [2])
        .append(chain(node("LayerNormalization", ["c", "w"], "m", { ...eps, axis: { int: -3 } }))),
      "group_norm",
    ],
    [
      "LayerNormalization of the channels between Transposes",
      17,
      affine(map(), 4).append(
        chain(
          node("Transpose", ["c"], "t", { perm: { ints: [0, 2, 3, 1] } }),
          node("LayerNormalization", ["t", "w", "b"], "l", eps),
          node("Transpose", ["l"], "m", { perm: { ints: [0, 3, 1, 2] } }),
        ),
      ),
      "layer_norm",
    ],
    [
      "LayerNormalization of all numbers between Transposes",
      17,
      affine(map(), 4).append(
        chain(
          node("Transpose", ["c"], "t", { perm: { ints: [0, 2, 3, 1] } }),
          node("LayerNormalization", ["t", "w", "b"], "l", { ...eps, axis: { int: 1 } }),
          node("Transpose", ["l"], "m", { perm: { ints: [0, 3, 1, 2] } }),
        ),
      ),
      "group_norm",
    ],
  ])("by %s is read (opset %i)", async (_, opset, file, type) => {
    const bytes = ended(file, "m", opset);
    expect(typesIn(bytes)).toEqual(["conv2d", type, END]);
    await expectSame(bytes);
  });

  it("takes factors and summands after it into its weights", async () => {
    const file = affine(map(), 4)
      .tensor("factor", [4, 1, 1])
      .tensor("summand", [1, 4, 1, 1])
      .append(
        chain(
          node("InstanceNormalization", ["c", "w", "b"], "i", eps),
          node("Mul", ["factor", "i"], "p"),
          node("Sub", ["p", "summand"], "m"),
        ),
      );
    const bytes = ended(file, "m");
    expect(typesIn(bytes)).toEqual(["conv2d", "group_norm", END]);
    await expectSame(bytes);
  });

  it.each<[string, GraphFile, RegExp]>([
    [
      "a weight for each pixel",
      affine(map(), 4, 6, 5).append(
        chain(node("LayerNormalization", ["c", "w", "b"], "m", { axis: { int: 1 } })),
      ),
      /LayerNormalization "m" has a weight or bias of \(4, 6, 5\), a number for each pixel, where one/,
    ],
    [
      "a weight for each pixel between Transposes",
      affine(map(), 6, 5, 4).append(
        chain(
          node("Transpose", ["c"], "t", { perm: { ints: [0, 2, 3, 1] } }),
          node("LayerNormalization", ["t", "w", "b"], "m", { axis: { int: 1 } }),
        ),
      ),
      /has the weight or bias "w" with a number for each pixel/,
    ],
    [
      "a row of pixels alone",
      affine(map(), 5).append(chain(node("LayerNormalization", ["c", "w", "b"], "m"))),
      /is over the axes \[3\] of \(N, C, H, W\); only channels, pixels or both can be read/,
    ],
    [
      "groups that do not divide the channels",
      affine(map(), 4).append(
        chain(node("GroupNormalization", ["c", "w", "b"], "m", { num_groups: { int: 3 } })),
      ),
      /has 3 groups, which do not divide 4 channels/,
    ],
    [
      "weights of another number",
      affine(map(), 3).append(chain(node("InstanceNormalization", ["c", "w", "b"], "m"))),
      /has a weight or bias of \(3\) for 4 channels in 4 groups/,
    ],
    [
      "no epsilon",
      affine(map(), 4).append(
        chain(node("InstanceNormalization", ["c", "w", "b"], "m", { epsilon: { float: 0 } })),
      ),
      /has epsilon 0, where only more than 0 can be read/,
    ],
  ])("of %s is refused", (_, file, message) => {
    expect(() => importOnnx(ended(file, "m", 21))).toThrow(message);
  });
});

describe("groups of channels", () => {
  const parts = (to: readonly number[], back: readonly number[]): GraphFile =>
    affine(map(), 2).append(
      chain(
        ...[ints("to", ...to), ints("back", ...back), node("Reshape", ["c", "to"], "g")],
        ...[node("InstanceNormalization", ["g", "w", "b"], "i", eps), node("Reshape", ["i", "back"], "m")],
      ),
    );

  it.each<[readonly number[], readonly number[]]>([
    [
      [0, 2, -1],
      [-1, 4, 6, 5],
    ],
    [
      [-1, 2, 60],
      [0, 4, 6, -1],
    ],
  ])("by Reshape to %j are a group norm", async (to, back) => {
    const bytes = ended(parts(to, back), "m");
    expect(typesIn(bytes)).toEqual(["conv2d", "group_norm", END]);
    await expectSame(bytes);
  });

  it.each<[readonly number[], readonly number[], RegExp]>([
    [[0, 3, -1], [0, 4, 6, 5], /Reshape "g" makes \(0, 3, -1\) of \(N, 4, 6, 5\); only groups of channels/],
    [[0, 2, -1], [0, 4, 5, 6], /Reshape "m" makes \(0, 4, 5, 6\) of the groups of \(N, 4, 6, 5\); only that/],
    [[-1, 2, -1], [0, 4, 6, 5], /Reshape "g" makes \(-1, 2, -1\)/],
  ])("by Reshape to %j and %j are refused", (to, back, message) => {
    expect(() => importOnnx(ended(parts(to, back), "m"))).toThrow(message);
  });

  it("are refused where something else takes them", () => {
    const file = map().append(
      chain(ints("to", 0, 2, -1), node("Reshape", ["c", "to"], "g"), node("Relu", ["g"], "m")),
    );
    expect(() => importOnnx(ended(file, "m"))).toThrow(
      /only groups of channels for an InstanceNormalization/,
    );
  });
});

describe("ConvTranspose", () => {
  const file = (attributes: OnnxNode["attributes"], more: readonly OnnxNode[] = [], groups = 1): GraphFile =>
    map()
      .tensor("w", [4, 6 / groups, 3, 2])
      .tensor("b", [6])
      .append(
        chain(
          node("ConvTranspose", ["c", "w", "b"], "m", { ...attributes, group: { int: groups } }),
          ...more,
        ),
      );
  const strides = { strides: { ints: [2, 3] } };

  it.each<[string, OnnxNode["attributes"], number]>([
    ["nothing but a weight", {}, 1],
    ["strides and pads", { ...strides, pads: { ints: [1, 0, 2, 1] } }, 1],
    ["groups and output_padding", { ...strides, output_padding: { ints: [1, 2] } }, 2],
    ["dilations", { ...strides, dilations: { ints: [2, 3] }, output_padding: { ints: [1, 0] } }, 1],
    ["SAME_UPPER", { ...strides, auto_pad: { text: "SAME_UPPER" } }, 1],
    ["SAME_LOWER", { strides: { ints: [2, 1] }, auto_pad: { text: "SAME_LOWER" } }, 1],
    ["VALID", { ...strides, auto_pad: { text: "VALID" }, kernel_shape: { ints: [3, 2] } }, 1],
    ["output_shape", { ...strides, output_shape: { ints: [10, 13] } }, 1],
    [
      "output_shape, SAME_UPPER",
      { ...strides, output_shape: { ints: [10, 13] }, auto_pad: { text: "SAME_UPPER" } },
      2,
    ],
  ])("with %s is read", async (_, attributes, groups) => {
    const bytes = ended(file(attributes, [], groups), "m", 17, 6);
    expect(typesIn(bytes)).toEqual(["conv2d", "conv_transpose2d", END]);
    await expectSame(bytes);
  });

  it.each([1, 2])(
    "takes factors, summands and an activation after it into itself, %i groups",
    async (groups) => {
      const more = [node("Mul", ["m", "f"], "p"), node("Add", ["p", "f"], "q"), node("Tanh", ["q"], "r")];
      const bytes = ended(file(strides, more, groups).tensor("f", [6, 1, 1]), "r", 17, 6);
      expect(typesIn(bytes)).toEqual(["conv2d", "conv_transpose2d", END]);
      await expectSame(bytes);
    },
  );

  it("with pads of less than none at the end has so many rows and columns more", () => {
    const [pads, more] = [{ pads: { ints: [0, 0, -1, -2] } }, { output_padding: { ints: [1, 2] } }];
    const layersOf = (attributes: OnnxNode["attributes"]) =>
      importOnnx(ended(file({ ...strides, ...attributes }), "m", 17, 6)).model.options.layers;
    expect(layersOf(pads)).toEqual(layersOf(more));
    expect(layersOf(pads)).toMatchObject([{}, { outputPadding: [1, 2], padding: [0, 0, 0, 0] }, {}]);
  });

  it.each<[string, OnnxNode["attributes"], RegExp]>([
    [
      "pads of less than none",
      { pads: { ints: [-1, 0, 0, 0] } },
      /ConvTranspose "m" adds pixels at the top or left/,
    ],
    [
      "as much output_padding as strides",
      { ...strides, output_padding: { ints: [2, 0] } },
      /adds \[2, 0\] rows and columns to its result; less than the stride or the dilation can be read/,
    ],
    [
      "a larger output_shape",
      { output_shape: { ints: [9, 5] } },
      /has an output_shape of 9, where it makes 8 at most/,
    ],
    ["another auto_pad", { auto_pad: { text: "SAME" } }, /has auto_pad SAME/],
  ])("with %s is refused", (_, attributes, message) => {
    expect(() => importOnnx(ended(file(attributes), "m", 17, 6))).toThrow(message);
  });
});

describe("what tf2onnx leaves", () => {
  const turned = (name: string, x: string, perm: readonly number[]) =>
    node("Transpose", [x], name, { perm: { ints: perm } });

  it("a product of pixels is a convolution", async () => {
    const file = map()
      .tensor("w", [4, 5])
      .append(
        chain(
          turned("t", "c", [0, 2, 3, 1]),
          node("MatMul", ["t", "w"], "p"),
          turned("m", "p", [0, 3, 1, 2]),
        ),
      );
    const bytes = ended(file, "m", 17, 5);
    expect(typesIn(bytes)).toEqual(["conv2d", "conv2d", END]);
    await expectSame(bytes);
  });

  it("an input that no node takes is left out", () => {
    const file = new GraphFile().conv("x", "c", 4, 3).append(chain(node("GlobalMaxPool", ["c"], "y")));
    const inputs = [
      { name: "x", shape: ["N", 3, 8, 7] },
      { name: "mean", shape: [1, 1, 1, 3] },
    ];
    const { nodes, tensors } = file;
    const outputs = [{ name: "y", shape: ["N", 4, 1, 1] }];
    const bytes = encodeOnnx({ name: "graph", opset: 17, inputs, outputs, nodes, tensors });
    expect(typesIn(bytes)).toEqual(["conv2d", END]);
  });

  const slice = (starts: readonly number[], ends: readonly number[], axes: readonly number[], steps = 1) =>
    map().append(
      chain(
        ...[ints("starts", ...starts), ints("ends", ...ends), ints("axes", ...axes)],
        ints("steps", ...axes.map(() => steps)),
        node("Slice", ["c", "starts", "ends", "axes", "steps"], "m"),
      ),
    );

  it("a Slice of rows and columns is cropping", async () => {
    const most = 2 ** 31 - 1;
    const bytes = ended(slice([0, 1, -4, 0], [most, -2, 9, most], [0, 2, 3, 1]), "m");
    expect(typesIn(bytes)).toEqual(["conv2d", "crop2d", END]);
    await expectSame(bytes);
    expect(typesIn(ended(slice([0, 0], [6, most], [2, 1]), "m"))).toEqual(["conv2d", END]);
  });

  it.each<[string, GraphFile, RegExp]>([
    [
      "channels",
      slice([1], [3], [1]),
      /Slice "m" takes 1…3 of the axis 1 of \(N, 4, 6, 5\); only a part of the rows/,
    ],
    ["images", slice([1], [3], [0]), /takes 1…3 of the axis 0/],
    ["every second row", slice([0], [6], [2], 2), /takes 0…6 of the axis 2/],
  ])("a Slice of %s is refused", (_, file, message) => {
    expect(() => importOnnx(ended(file, "m"))).toThrow(message);
  });
});
