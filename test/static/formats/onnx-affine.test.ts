/** Constants beside layers and at the images, as ONNX Runtime computes them, and files of every opset. */
import { describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import type { OnnxNode } from "../../../src/formats/onnx/model-proto.ts";
import { relativeError, someImages } from "../../support/data/images.ts";
import { runOnnx } from "../../support/models/onnx.ts";
import { chain, GraphFile, node } from "../../support/models/onnx-graph.ts";
import { expectSame, typesIn } from "../../support/models/onnx-same.ts";

/** f32 sums in another order. */
const ROUNDING = 1e-5;

const started = () => new GraphFile().input("x", ["N", 3, 5, 6]);

/** The mean over pixels of a value, and a dense layer. */
const ended = (file: GraphFile, x: string, opset = 17): Uint8Array<ArrayBuffer> =>
  file
    .append(chain(node("GlobalAveragePool", [x], "m"), node("Flatten", ["m"], "f")))
    .gemm("f", "y", 4, 5)
    .finish("y", opset);

const norm = (file: GraphFile, x: string, to: string): GraphFile =>
  file
    .tensor("gamma", [4])
    .tensor("beta", [4])
    .tensor("mean", [4])
    .tensor("var", [4], [1, 2, 3, 4])
    .append(chain(node("BatchNormalization", [x, "gamma", "beta", "mean", "var"], to)));

const K = ["k"] as const;

describe("a constant after a layer is a part of its weights", () => {
  const single: [string, readonly number[], (x: string) => OnnxNode][] = [
    ["bias", [1, 4, 1, 1], (x) => node("Add", [x, ...K], "a")],
    ["bias of three axes, first", [4, 1, 1], (x) => node("Add", [...K, x], "a")],
    ["scale", [4, 1, 1], (x) => node("Mul", [x, ...K], "a")],
    ["number", [], (x) => node("Mul", [x, ...K], "a")],
    ["divisor", [4, 1, 1], (x) => node("Div", [x, ...K], "a")],
    ["subtrahend", [4, 1, 1], (x) => node("Sub", [x, ...K], "a")],
    ["minuend", [1], (x) => node("Sub", [...K, x], "a")],
  ];

  it.each(single)("a %s of (%j) after a convolution", async (_, shape, of) => {
    const file = started()
      .conv("x", "c", 4, 3)
      .tensor("k", shape)
      .append(chain(of("c")))
      .relu("a", "r");
    const bytes = ended(file, "r");
    expect(typesIn(bytes)).toEqual(["conv2d", "global_avg_pool", "dense"]);
    await expectSame(bytes);
  });

  it.each(single)("a %s of (%j) after a batch norm", async (_, shape, of) => {
    const file = norm(started().conv("x", "c", 4, 3), "c", "n")
      .tensor("k", shape)
      .append(chain(of("n")));
    const bytes = ended(file.relu("a", "r"), "r");
    expect(typesIn(bytes)).toEqual(["conv2d", "batch_norm", "global_avg_pool", "dense"]);
    await expectSame(bytes);
  });

  it("a scale and a bias after each other, and after a dense layer", async () => {
    const file = started().conv("x", "c", 4, 3).tensor("k", [4, 1, 1]).tensor("t", [1, 4, 1, 1]);
    file.append(chain(node("Mul", ["c", "k"], "s"), node("Add", ["s", "t"], "b"), node("Relu", ["b"], "r")));
    file.append(chain(node("GlobalAveragePool", ["r"], "m"), node("Flatten", ["m"], "f")));
    file.gemm("f", "d", 4, 5).tensor("v", [5]).tensor("w", [1, 5]);
    const bytes = file.append(chain(node("Mul", ["d", "v"], "e"), node("Sub", ["e", "w"], "y"))).finish("y");
    expect(typesIn(bytes)).toEqual(["conv2d", "global_avg_pool", "dense"]);
    await expectSame(bytes);
  });

  it("and is refused where it cannot be one", () => {
    const rows = started().conv("x", "c", 4, 3).tensor("k", [4]);
    rows.append(chain(node("Add", ["c", "k"], "a")));
    expect(() => importOnnx(ended(rows, "a"))).toThrow(
      new WeightsError(
        'onnx: Add "a" computes with a constant of (4), which is not one number for each of 4 channels',
      ),
    );
  });

  it.each<[string, GraphFile, string[]]>([
    ["after an activation", chain(node("Relu", ["c"], "r"), node("Mul", ["r", "k"], "a")), ["rescale"]],
    [
      "of a value that others take",
      chain(node("Mul", ["c", "k"], "b"), node("Add", ["b", "c"], "a")),
      ["rescale", "add"],
    ],
    [
      "one after another",
      chain(
        ...[node("Relu", ["c"], "r"), node("Mul", ["r", "k"], "b"), node("Sub", ["t", "b"], "d")],
        node("Div", ["d", "k"], "a"),
      ),
      ["rescale"],
    ],
    [
      "x · relu6(x + 3) / 6",
      chain(
        ...[node("Add", ["c", "three"], "p"), node("Clip", ["p", "zero", "six"], "q")],
        ...[node("Div", ["q", "six"], "h"), node("Mul", ["c", "h"], "a")],
      ),
      [],
    ],
    [
      "relu6(x + 3) / 6",
      chain(
        ...[
          node("Tanh", ["c"], "n"),
          node("Add", ["n", "three"], "p"),
          node("Clip", ["p", "zero", "six"], "q"),
        ],
        ...[node("Mul", ["sixth", "q"], "h"), node("Add", ["n", "h"], "a")],
      ),
      ["activation", "add"],
    ],
    [
      "relu6(x + 2) / 6",
      chain(
        ...[
          node("Tanh", ["c"], "n"),
          node("Add", ["n", "two"], "p"),
          node("Clip", ["p", "zero", "six"], "q"),
        ],
        ...[node("Div", ["q", "six"], "h"), node("Mul", ["n", "h"], "a")],
      ),
      ["rescale", "activation", "rescale", "mul"],
    ],
  ])("elsewhere is a layer of its own: %s", async (_, nodes, types) => {
    const file = started().conv("x", "c", 4, 3).tensor("k", [4, 1, 1]).tensor("t", [1]);
    for (const [name, value] of Object.entries({ zero: 0, two: 2, three: 3, six: 6, sixth: 1 / 6 }))
      file.tensor(name, [], [value]);
    const bytes = ended(file.append(nodes), "a");
    expect(typesIn(bytes)).toEqual(["conv2d", ...types, "global_avg_pool", "dense"]);
    await expectSame(bytes);
  });
});

describe("Sum and Clip", () => {
  it.each([1, 2, 3])("a Sum of %i values", async (count) => {
    const file = started();
    const names = Array.from({ length: count }, (_, i) => `c${i}`);
    for (const name of names) file.conv("x", name, 4, 3);
    await expectSame(ended(file.append(chain(node("Sum", names, "s"))), "s"));
  });

  it("a Clip from 0 is a ReLU, and one between two bounds a hardtanh; one bound is refused", async () => {
    const clip = (attributes: OnnxNode["attributes"]) =>
      ended(
        started()
          .conv("x", "c", 4, 3)
          .append(chain(node("Clip", ["c"], "r", attributes))),
        "r",
        10,
      );
    const file = clip({ min: { float: 0 } });
    expect(typesIn(file)).toEqual(["conv2d", "global_avg_pool", "dense"]);
    await expectSame(file);
    await expectSame(clip({ min: { float: 0 }, max: { float: 3.4028234663852886e38 } }));
    await expectSame(clip({ min: { float: -0.5 }, max: { float: 0.25 } }));
    expect(() => importOnnx(clip({ min: { float: -1 } }))).toThrow(/clips to -1…∞/);
  });

  it("a Clip with its bounds as constants", async () => {
    const file = started().conv("x", "c", 4, 3).tensor("low", [], [0]);
    await expectSame(ended(file.append(chain(node("Clip", ["c", "low"], "r"))), "r"));
  });
});

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

describe("what is done to the images first", () => {
  const steps = (file: GraphFile, ...nodes: OnnxNode[]) =>
    ended(file.append(chain(...nodes)).conv("n", "c", 4, 3), "c");

  /** Compares the file on images in 0…`range` with what was read on the preprocessed ones. */
  async function expectPreprocessed(
    file: Uint8Array<ArrayBuffer>,
    range: number,
    mean: number[],
    std: number[],
  ) {
    const { model, weights } = importOnnx(file);
    expect(model.preprocessing).toMatchObject({ mode: "torch" });
    for (const [key, expected] of [
      ["mean", mean],
      ["std", std],
    ] as const) {
      expect(relativeError(model.preprocessing![key], expected)).toBeLessThan(1e-5);
    }
    const shape = [2, ...model.inputShape] as const;
    const images = someImages(shape).map((value) => Math.abs(value) % 1);
    const normal = images.map((value, i) => (value - mean[i % 3]!) / std[i % 3]!);
    const actual = await runOnnx(exportOnnx(model, weights), normal, shape);
    const expected = await runOnnx(
      file,
      images.map((value) => value * range),
      shape,
    );
    expect(relativeError(actual, expected)).toBeLessThan(ROUNDING);
  }

  it("mean and std of 0…1", async () => {
    const file = started().tensor("mu", [1, 3, 1, 1], MEAN).tensor("sd", [3, 1, 1], STD);
    const bytes = steps(file, node("Sub", ["x", "mu"], "s"), node("Div", ["s", "sd"], "n"));
    await expectPreprocessed(bytes, 1, MEAN, STD);
  });

  it("1/255, mean and std, after a Cast", async () => {
    const file = started()
      .tensor("z", [], [1 / 255])
      .tensor("mu", [3, 1, 1], MEAN)
      .tensor("sd", [3, 1, 1], STD);
    const cast = node("Cast", ["x"], "x32", { to: { int: 1 } });
    const norm = [
      node("Mul", ["x32", "z"], "u"),
      node("Sub", ["u", "mu"], "s"),
      node("Div", ["s", "sd"], "n"),
    ];
    await expectPreprocessed(steps(file, cast, ...norm), 255, MEAN, STD);
  });

  it("(x - 127.5) / 127.5", async () => {
    const file = started().tensor("h", [], [127.5]);
    const bytes = steps(file, node("Sub", ["x", "h"], "s"), node("Div", ["s", "h"], "n"));
    await expectPreprocessed(bytes, 255, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]);
  });

  it("is refused if the images are also taken without it, and if no std gives it", () => {
    const file = started().tensor("z", [], [1 / 255]);
    const both = node("Mul", ["x", "z"], "n");
    file.append(chain(both)).conv("n", "a", 4, 3).conv("x", "b", 4, 3);
    expect(() => importOnnx(ended(file.append(chain(node("Add", ["a", "b"], "s"))), "s"))).toThrow(
      new WeightsError('onnx: takes the images "x" from before what is done to all of them'),
    );
    const late = started()
      .tensor("z", [], [1 / 255])
      .conv("x", "b", 4, 3)
      .append(chain(both));
    late.conv("n", "a", 4, 3).append(chain(node("Add", ["a", "b"], "s")));
    expect(() => importOnnx(ended(late, "s"))).toThrow(/both before and after "n"/);
    const negative = started().tensor("z", [], [-1]);
    expect(() => importOnnx(steps(negative, both))).toThrow(/multiplies its images by -1, -1, -1 and adds/);
  });
});

describe("images with their channels last", () => {
  const transpose = (x: string) => node("Transpose", [x], "n", { perm: { ints: [0, 3, 1, 2] } });
  const after = (file: GraphFile, ...nodes: OnnxNode[]) =>
    ended(file.append(chain(...nodes)).conv("n", "c", 4, 3), "c");
  const last = () => new GraphFile().input("x", ["N", 5, 6, 3]);

  it("are read as they are", async () => {
    const { model, weights } = importOnnx(after(last(), transpose("x")));
    expect(model.inputShape).toEqual([5, 6, 3]);
    const same = ended(started().conv("x", "c", 4, 3), "c");
    expect(weights).toEqual(importOnnx(same).weights);
    const shape = [2, ...model.inputShape] as const;
    const images = someImages(shape);
    expect(await runOnnx(exportOnnx(model, weights), images, shape)).toEqual(
      await runOnnx(exportOnnx(importOnnx(same).model, weights), images, shape),
    );
  });

  it("are normalised along the last axis", () => {
    const file = last().tensor("mu", [3], MEAN).tensor("sd", [1, 1, 1, 3], STD);
    const nodes = [node("Sub", ["x", "mu"], "s"), node("Div", ["s", "sd"], "d"), transpose("d")];
    expect(importOnnx(after(file, ...nodes)).model.preprocessing).toMatchObject({ mean: MEAN, std: STD });
  });

  it("are refused by what takes them without a Transpose, as is one elsewhere", () => {
    const file = last().append(chain(transpose("x"), node("Relu", ["x"], "r")));
    const mixed = file.conv("n", "c", 4, 3).append(chain(node("Add", ["r", "c"], "s")));
    expect(() => importOnnx(ended(mixed, "s"))).toThrow(
      /Add "s" takes "r", in \(N, H, W, C\) order, together with "c", in \(N, C, H, W\) order/,
    );
    const elsewhere = started()
      .conv("x", "c", 4, 3)
      .append(chain(transpose("c")));
    expect(() => importOnnx(ended(elsewhere, "n"))).toThrow(/Transpose "n" has perm \[0, 3, 1, 2\]; only/);
  });
});

it.each([7, 13, 18, 21, 22, 23])("opset %i is read as ONNX Runtime reads it", async (opset) => {
  const file = started().conv("x", "c", 4, 3).relu("c", "r");
  await expectSame(
    ended(file.append(chain(node("MaxPool", ["r"], "p", { kernel_shape: { ints: [2, 2] } }))), "p", opset),
  );
});
