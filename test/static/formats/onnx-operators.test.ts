/** Operators of networks beyond ResNet and VGG, each alone and in pairs: read as ONNX Runtime computes it. */
import { describe, expect, it } from "vitest";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
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
