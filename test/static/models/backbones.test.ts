import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { Graph } from "../../../src/graph/graph.ts";
import { isNode } from "../../../src/graph/op.ts";
import {
  type BackboneName,
  backboneNames,
  countNumbers,
  createBackbone,
  createModel,
  type FeaturesOptions,
  inspect,
  KERAS_RESNET,
  type Model,
  mobilenetV2,
  mobilenetV3Small,
  type ResnetDepth,
  resnet,
  resnetD,
  resnext,
  squeezenet,
  type VggDepth,
  vgg,
} from "../../../src/models/index.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { fileShape } from "../../../src/weights/layout.ts";
import { matchNames } from "../../../src/weights/names.ts";

const count = (model: Model): number => countNumbers(inspect(model).parameters);

const shapesOf = (model: Model) =>
  Object.fromEntries(inspect(model).parameters.map(({ name, tensor }) => [name, tensor.shape]));

/** What every convolution of a model is told. */
const convolutions = (model: Model) =>
  Object.fromEntries(
    inspect(model)
      .nodes.filter((node) => isNode(node, conv2dOp))
      .map(({ label, attrs }) => [label, attrs]),
  );

/** The shape of the features of one image, and the names of their parameters. */
function cut(name: BackboneName, inputShape: readonly number[], options: FeaturesOptions = {}) {
  const graph = new Graph({ mode: "eval" });
  const { shape } = createBackbone(name).features(graph.input("images", [1, ...inputShape]), options);
  return { shape: shape.slice(1), names: graph.parameters.map((parameter) => parameter.name) };
}

describe("parameter counts are the published ones", () => {
  it.each<[ResnetDepth, number]>([
    [18, 11_689_512],
    [34, 21_797_672],
    [50, 25_557_032],
    [101, 44_549_160],
    [152, 60_192_808],
  ])("resnet%i", (depth, expected) => expect(count(resnet(depth))).toBe(expected));

  // The paper's figures, with its zero-padding shortcuts, are 0.27, 0.46, 0.66 and 0.85 million.
  it.each<[ResnetDepth, number]>([
    [20, 272_474],
    [32, 466_906],
    [44, 661_338],
    [56, 855_770],
  ])("resnet%i", (depth, expected) => expect(count(resnet(depth))).toBe(expected));

  it("the two projections are all that ResNet-20 has more than the paper's 269,722", () => {
    expect(count(resnet(20)) - (16 * 32 + 2 * 32) - (32 * 64 + 2 * 64)).toBe(269_722);
  });

  it.each<[VggDepth, number, number]>([
    [11, 132_863_336, 132_868_840],
    [13, 133_047_848, 133_053_736],
    [16, 138_357_544, 138_365_992],
    [19, 143_667_240, 143_678_248],
  ])("vgg%i, without and with batch norm", (depth, plain, normalised) => {
    expect(count(vgg(depth))).toBe(plain);
    expect(count(vgg(depth, { batchNorm: true }))).toBe(normalised);
  });

  it("Keras' ResNet-50, whose convolutions have biases", () => {
    // keras.applications tells 25,636,712, of which 53,120 are running statistics.
    expect(count(resnet(50, KERAS_RESNET))).toBe(25_636_712 - 53_120);
  });
});

describe("tensors are torchvision's and timm's, by name and shape", () => {
  const file = new URL("../../support/fixtures/backbones/names.json", import.meta.url);
  type Shapes = Readonly<Record<string, readonly number[]>>;
  const networks: Readonly<Record<string, { parameters: number; tensors: Shapes; timm?: Shapes }>> =
    JSON.parse(readFileSync(file, "utf8"));

  it.each([
    ["mobilenet_v2", undefined],
    // Its last hidden layer is a convolution there.
    ["mobilenet_v3_small", "classifier.0.weight"],
  ])("timm's names of %s are read as torchvision's", (network, convolution) => {
    const { tensors, timm } = networks[network]!;
    const files = Object.keys(timm!).map((name) => `model.${name}`);
    const { convention, eps, names, unexpected } = matchNames(files, new Set(Object.keys(tensors)));
    expect([convention, eps, unexpected]).toEqual(["timm", 1e-5, []]);
    const theirs = [...names].map(([ours, from]) => {
      const shape = timm![from.replace("model.", "")]!;
      return [ours, ours === convolution ? shape.slice(0, 2) : shape];
    });
    expect(Object.fromEntries(theirs)).toEqual(tensors);
  });

  it.each(Object.entries(networks))("%s", (network, { parameters, tensors }) => {
    const [name, widthMult] = network.split(" × ");
    const model = createModel(name!, widthMult === undefined ? {} : { widthMult: Number(widthMult) });
    const graph = inspect(model);
    const variables = [...graph.parameters, ...graph.states];
    expect(Object.fromEntries(variables.map((variable) => [variable.name, fileShape(variable)]))).toEqual(
      tensors,
    );
    expect(countNumbers(graph.parameters)).toBe(parameters);
  });

  it("as many as are published", () => {
    const published = {
      ...{ mobilenet_v2: 3_504_872, mobilenet_v3_small: 2_542_856, squeezenet1_1: 1_235_496 },
      ...{ resnext50_32x4d: 25_028_904, resnet18d: 11_708_744, resnet50d: 25_576_264 },
      ...{ resnext101_32x8d: 88_791_336, resnext101_64x4d: 83_455_272, resnet101d: 44_568_392 },
    };
    for (const [name, expected] of Object.entries(published))
      expect([name, count(createModel(name))]).toEqual([name, expected]);
  });
});

describe("parameters have torchvision's names", () => {
  const block = (name: string, convs: number[][], projection?: [number, number]) => ({
    ...Object.fromEntries(
      convs.flatMap((shape, i) => [
        [`${name}.conv${i + 1}.weight`, shape],
        [`${name}.bn${i + 1}.weight`, shape.slice(-1)],
        [`${name}.bn${i + 1}.bias`, shape.slice(-1)],
      ]),
    ),
    ...(projection && {
      [`${name}.downsample.0.weight`]: [1, 1, ...projection],
      [`${name}.downsample.1.weight`]: projection.slice(-1),
      [`${name}.downsample.1.bias`]: projection.slice(-1),
    }),
  });
  const stem = { "conv1.weight": [7, 7, 3, 64], "bn1.weight": [64], "bn1.bias": [64] };

  it("resnet18", () => {
    const widths = [64, 128, 256, 512];
    expect(shapesOf(resnet(18))).toEqual({
      ...stem,
      ...Object.assign(
        {},
        ...widths.flatMap((K, s) => {
          const C = widths[s - 1] ?? K;
          const [first, other] = [
            [3, 3, C, K],
            [3, 3, K, K],
          ] as [number[], number[]];
          return [
            block(`layer${s + 1}.0`, [first, other], s > 0 ? [C, K] : undefined),
            block(`layer${s + 1}.1`, [other, other]),
          ];
        }),
      ),
      "fc.weight": [512, 1000],
      "fc.bias": [1000],
    });
  });

  it("resnet50", () => {
    const shapes = shapesOf(resnet(50));
    const bottleneck = (C: number, K: number) => [
      [1, 1, C, K],
      [3, 3, K, K],
      [1, 1, K, 4 * K],
    ];
    expect(shapes).toMatchObject({
      ...stem,
      ...block("layer1.0", bottleneck(64, 64), [64, 256]),
      ...block("layer1.2", bottleneck(256, 64)),
      ...block("layer2.0", bottleneck(256, 128), [256, 512]),
      ...block("layer3.0", bottleneck(512, 256), [512, 1024]),
      ...block("layer3.5", bottleneck(1024, 256)),
      ...block("layer4.0", bottleneck(1024, 512), [1024, 2048]),
      ...block("layer4.2", bottleneck(2048, 512)),
      "fc.weight": [2048, 1000],
    });
    expect(Object.keys(shapes).length).toBe(161);
    const states = inspect(resnet(50)).states.map(({ name }) => name);
    expect(states.length).toBe(2 * 53);
    expect(states).toContain("layer2.3.bn3.running_var");
  });

  const layers = (depth: VggDepth, batchNorm: boolean) =>
    Object.entries(shapesOf(vgg(depth, { batchNorm })))
      .filter(([name, shape]) => name.startsWith("features.") && shape.length === 4)
      .map(([name]) => Number(name.split(".")[1]));

  it("vgg16", () => {
    expect(layers(16, false)).toEqual([0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]);
    expect(shapesOf(vgg(16))).toMatchObject({
      "features.0.weight": [3, 3, 3, 64],
      "features.0.bias": [64],
      "features.28.weight": [3, 3, 512, 512],
      "classifier.0.weight": [512 * 7 * 7, 4096],
      "classifier.3.weight": [4096, 4096],
      "classifier.6.bias": [1000],
    });
    const { parameters } = inspect(vgg(16));
    expect(parameters.find(({ name }) => name === "classifier.0.weight")!.flattened).toEqual([7, 7, 512]);
  });

  it("vgg16_bn and vgg19", () => {
    expect(layers(16, true)).toEqual([0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]);
    expect(layers(19, false)).toEqual([0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34]);
    expect(shapesOf(vgg(16, { batchNorm: true }))).toMatchObject({
      "features.1.weight": [64],
      "features.40.bias": [512],
    });
  });
});

describe("maps after each stage", () => {
  it.each<[BackboneName, number, number[][]]>([
    [
      "resnet18",
      224,
      [
        [56, 56, 64],
        [56, 56, 64],
        [28, 28, 128],
        [14, 14, 256],
        [7, 7, 512],
      ],
    ],
    [
      "resnet50",
      224,
      [
        [56, 56, 64],
        [56, 56, 256],
        [28, 28, 512],
        [14, 14, 1024],
        [7, 7, 2048],
      ],
    ],
    [
      "resnet50",
      32,
      [
        [8, 8, 64],
        [8, 8, 256],
        [4, 4, 512],
        [2, 2, 1024],
        [1, 1, 2048],
      ],
    ],
    [
      "resnet18d",
      70,
      [
        [18, 18, 64],
        [18, 18, 64],
        [9, 9, 128],
        [5, 5, 256],
        [3, 3, 512],
      ],
    ],
    [
      "mobilenet_v2",
      224,
      [
        [112, 112, 32],
        [112, 112, 16],
        [56, 56, 24],
        [28, 28, 32],
        [14, 14, 96],
        [7, 7, 1280],
      ],
    ],
    [
      "mobilenet_v3_small",
      70,
      [
        [35, 35, 16],
        [18, 18, 16],
        [9, 9, 24],
        [5, 5, 48],
        [3, 3, 576],
      ],
    ],
    [
      "resnet20",
      32,
      [
        [32, 32, 16],
        [32, 32, 16],
        [16, 16, 32],
        [8, 8, 64],
      ],
    ],
    [
      "resnet56",
      28,
      [
        [28, 28, 16],
        [28, 28, 16],
        [14, 14, 32],
        [7, 7, 64],
      ],
    ],
  ])("%s at %i", (name, size, expected) => {
    const { stages, reduction } = createBackbone(name);
    expect(expected.length).toBe(stages + 1);
    for (const [stage, shape] of expected.entries()) {
      expect(cut(name, [size, size, 3], { stage }).shape).toEqual(shape);
      expect(Math.ceil(size / reduction(stage))).toBe(shape[0]);
    }
    expect(cut(name, [size, size, 3]).shape).toEqual(expected.at(-1));
  });

  it.each<[BackboneName, number, number[][]]>([
    [
      "vgg16",
      224,
      [
        [112, 112, 64],
        [56, 56, 128],
        [28, 28, 256],
        [14, 14, 512],
        [7, 7, 512],
      ],
    ],
    [
      "vgg11_bn",
      32,
      [
        [16, 16, 64],
        [8, 8, 128],
        [4, 4, 256],
        [2, 2, 512],
        [1, 1, 512],
      ],
    ],
  ])("%s at %i", (name, size, expected) => {
    for (const [i, shape] of expected.entries()) {
      expect(cut(name, [size, size, 3], { stage: i + 1 }).shape).toEqual(shape);
      expect(size / createBackbone(name).reduction(i + 1)).toBe(shape[0]);
    }
  });

  it("squeezenet1_1 has as many pixels as torch's, whose pools take what is left", () => {
    const extents = (size: number) =>
      [1, 2, 3, 4].map((stage) => cut("squeezenet1_1", [size, size, 3], { stage }).shape.join("×"));
    expect(extents(224)).toEqual(["55×55×64", "27×27×128", "13×13×256", "13×13×512"]);
    expect(extents(17)).toEqual(["4×4×64", "2×2×128", "1×1×256", "1×1×512"]);
    const { minSize, reduction } = createBackbone("squeezenet1_1");
    for (const stage of [1, 2, 3, 4]) {
      const size = minSize(stage);
      expect(cut("squeezenet1_1", [size, size, 3], { stage }).shape[0]).toBe(1);
      expect(() => cut("squeezenet1_1", [size - 1, size, 3], { stage })).toThrow(
        `squeezenet1_1: ${stage} stages need images of at least ${size}×${size}`,
      );
      expect(
        Math.floor(224 / reduction(stage)) - cut("squeezenet1_1", [224, 224, 3], { stage }).shape[0]!,
      ).toBe(1);
    }
  });

  it("a cut has no parameters of later stages, and all names have the prefix", () => {
    const { names } = cut("resnet18", [64, 64, 3], { stage: 2, prefix: "resnet." });
    const stages = new Set(names.map((name) => name.split(".").slice(0, 2).join(".")));
    expect([...stages]).toEqual(["resnet.conv1", "resnet.bn1", "resnet.layer1", "resnet.layer2"]);
    expect(cut("vgg16", [32, 32, 3], { stage: 1, prefix: "vgg." }).names).toEqual([
      "vgg.features.0.weight",
      "vgg.features.0.bias",
      "vgg.features.2.weight",
      "vgg.features.2.bias",
    ]);
  });

  it("without its stem a ResNet takes a map in its place", () => {
    const { shape, names } = cut("resnet50", [54, 54, 64], { stem: false });
    expect(shape).toEqual([7, 7, 2048]);
    expect(names[0]).toBe("layer1.0.conv1.weight");
  });
});

describe("variants", () => {
  it("v1 and v1.5 have the same shapes and their strides elsewhere", () => {
    const [v1, v15] = [resnet(50, { stride: "v1" }), resnet(50)];
    expect(shapesOf(v1)).toEqual(shapesOf(v15));
    const strides = (model: Model) =>
      Object.entries(convolutions(model)).flatMap(([name, { stride }]) => (stride[0] === 2 ? [name] : []));
    const at = (conv: string) =>
      [2, 3, 4].flatMap((s) => [`layer${s}.0.${conv}`, `layer${s}.0.downsample.0`]);
    expect(strides(v15)).toEqual(["conv1", ...at("conv2")]);
    expect(strides(v1)).toEqual(["conv1", ...at("conv1")]);
  });

  it("padding is the same on both sides, also in Keras' ResNets, unless it is TensorFlow's", () => {
    const [ours, keras, same] = [resnet(50), resnet(50, KERAS_RESNET), resnet(50, { padded: "same" })].map(
      convolutions,
    );
    for (const model of [ours!, keras!]) {
      expect(model.conv1!.padding).toEqual([3, 3, 3, 3]);
      expect(model["layer2.0.conv2"]!.padding).toEqual([1, 1, 1, 1]);
    }
    expect(same!.conv1!.padding).toEqual([2, 3, 2, 3]);
    expect(same!["layer2.0.conv2"]!.padding).toEqual([0, 1, 0, 1]);
    expect(same!["layer2.1.conv2"]!.padding).toEqual([1, 1, 1, 1]);
  });

  it("batch norms have the eps and momentum that are given", () => {
    const settings = (model: Model) =>
      new Set(
        inspect(model)
          .nodes.filter((node) => isNode(node, batchNormOp))
          .map(({ attrs: { eps, momentum } }) => `${eps} ${momentum}`),
      );
    expect([...settings(resnet(50))]).toEqual(["0.00001 0.1"]);
    expect([...settings(mobilenetV2())]).toEqual(["0.00001 0.1"]);
    expect([...settings(mobilenetV3Small())]).toEqual(["0.001 0.01"]);
    expect([...settings(mobilenetV3Small({ norm: { momentum: 0.1 } }))]).toEqual(["0.001 0.1"]);
    expect([...settings(resnet(50, KERAS_RESNET))]).toEqual(["0.00001001 0.01"]);
    expect([...settings(vgg(11, { batchNorm: true, norm: { eps: 0.001 } }))]).toEqual(["0.001 0.1"]);
  });

  it("each stage of a MobileNet's width is a multiple of 8, not below 0.9 of it", () => {
    const channels = (options: object) => shapesOf(mobilenetV2({ ...options, inputShape: [32, 32, 3] }));
    // 0.75 × 24 is 18, of which 16 would be less than 0.9.
    expect(channels({ widthMult: 0.75 })["features.3.conv.2.weight"]).toEqual([1, 1, 144, 24]);
    expect(channels({ widthMult: 0.5 })["classifier.1.weight"]).toEqual([1280, 1000]);
    expect(channels({ widthMult: 1.4 })["classifier.1.weight"]).toEqual([1792, 1000]);
  });

  it("the 3×3 convolutions of ResNeXt are in groups, and those of MobileNets depthwise", () => {
    const groups = (model: Model) =>
      Object.fromEntries(Object.entries(convolutions(model)).map(([name, attrs]) => [name, attrs.groups]));
    const wide = groups(resnext("50_32x4d"));
    const inner = Object.keys(wide).filter((name) => /^layer.*conv2$/.test(name));
    expect(inner.length).toBe(16);
    expect(Object.entries(wide).filter(([, count]) => count !== 1)).toEqual(inner.map((name) => [name, 32]));
    expect(groups(mobilenetV2())).toMatchObject({ "features.1.conv.0.0": 32, "features.17.conv.1.0": 960 });
    expect(convolutions(mobilenetV3Small())["features.9.block.1.0"]).toMatchObject({
      ...{ groups: 288, stride: [2, 2], padding: [2, 2, 2, 2] },
    });
  });

  it("weights begin as torchvision's", () => {
    const deviation = (model: Model, name: string): number => {
      const { init, tensor } = inspect(model).parameters.find((parameter) => parameter.name === name)!;
      const values = init(tensor.shape, new Random(7, name));
      return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    };
    const near = (value: number, expected: number) => expect(value / expected).toBeCloseTo(1, 1);
    near(deviation(mobilenetV2(), "classifier.1.weight"), 0.01);
    // torch's fan out of a depthwise convolution counts all channels.
    near(deviation(mobilenetV2(), "features.15.conv.1.0.weight"), Math.sqrt(2 / (9 * 960)));
    near(deviation(mobilenetV3Small(), "features.4.block.2.fc1.weight"), Math.sqrt(2 / 24));
    near(deviation(squeezenet(), "features.12.expand3x3.weight"), Math.sqrt(2 / (9 * 64)));
    near(deviation(squeezenet(), "classifier.1.weight"), 0.01);
    for (const name of ["classifier.1.bias", "features.9.squeeze.bias"])
      expect(deviation(squeezenet(), name)).toBe(0);
  });

  it("width narrows all stages", () => {
    expect(shapesOf(resnet(20, { width: 4 }))["fc.weight"]).toEqual([16, 10]);
    const slim = vgg(11, { width: 8, hidden: 32, inputShape: [32, 32, 1], classes: 3 });
    expect(shapesOf(slim)).toMatchObject({
      "features.0.weight": [3, 3, 1, 8],
      "classifier.0.weight": [64, 32],
    });
  });
});

describe("as models", () => {
  it.each(backboneNames())("%s is made again by its name and options", (name) => {
    const model = createModel(name, { classes: 7, frozen: ["*.bias"] });
    expect(model.name).toBe(name);
    expect(model.backbones).toEqual({ "": name });
    const again = createModel(model.name, JSON.parse(JSON.stringify(model.options)));
    expect(again.options).toEqual(model.options);
    expect(shapesOf(again)).toEqual(shapesOf(model));
  });

  it("those with ImageNet weights carry their preprocessing", () => {
    const imagenet = { mode: "torch", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
    expect(resnet(50).preprocessing).toEqual({ resize: 256, ...imagenet });
    expect(vgg(16, { inputShape: [112, 112, 3] }).preprocessing).toEqual({ resize: 128, ...imagenet });
    expect(resnet(20).preprocessing).toBeUndefined();
    expect(resnet(50, { inputShape: [224, 224, 1] }).preprocessing).toBeUndefined();
  });

  it("what does not fit is refused", () => {
    expect(() => vgg(16, { inputShape: [28, 28, 1] })).toThrow(
      "vgg16: cannot be built for images (28, 28, 1) — vgg16: 5 stages need images of at least 32×32",
    );
    expect(() => cut("resnet50", [64, 64, 3], { stage: 5 })).toThrow("resnet50: has stages 0…4 — stage 5");
    expect(() => cut("vgg11", [64, 64, 3], { stage: 0 })).toThrow("vgg11: has stages 1…5 — stage 0");
    expect(() => cut("resnet18", [8, 8, 32], { stem: false })).toThrow(
      "resnet18: stage 1 expects C=64 — images (1, 8, 8, 32)",
    );
    expect(() => cut("vgg11", [64, 64, 3], { stem: false })).toThrow("vgg11: has no stem to replace");
    expect(() => createModel("resnet50", { stride: "v2" })).toThrow(
      "resnet50: stride must be one of v1.5, v1 — v2",
    );
    for (const widthMult of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => mobilenetV2({ widthMult })).toThrow("mobilenet_v2: widthMult must be a positive number");
    expect(() => resnet(51 as ResnetDepth)).toThrow("resnet: depth must be one of 18, 20,");
    expect(() => resnext("50" as "50_32x4d")).toThrow("resnext: kind must be one of 50_32x4d, 101_32x8d");
    expect(() => resnetD(20 as 18)).toThrow("resnetD: depth must be one of 18, 34, 50, 101, 152");
    expect(() => cut("squeezenet1_1", [64, 64, 3], { stem: false })).toThrow(
      "squeezenet1_1: has no stem to replace",
    );
    expect(() => createBackbone("resnet51" as BackboneName)).toThrow(
      "backbone: unknown name resnet51 — take one of ",
    );
    expect(() => resnet(18, { frozen: ["layer9.*"] })).toThrow(
      "resnet18: a frozen pattern matches no parameter — layer9.*",
    );
  });
});
