import { describe, expect, it } from "vitest";
import type { Graph } from "../../../src/graph/graph.ts";
import {
  type BackboneName,
  backboneNames,
  backbonesFor,
  countNumbers,
  createModel,
  features,
  freeze,
  fusion,
  inspect,
  type Model,
  sequential,
  summary,
  topologyNames,
} from "../../../src/models/index.ts";
import { smallModels } from "../../support/models/models.ts";

/** The shapes of what some layers put out, without the batch. */
const outputs = (graph: Graph, labels: readonly string[]) =>
  Object.fromEntries(
    labels.map((label) => {
      const node = graph.nodes.find((candidate) => candidate.label === label);
      return [label, node?.outputs.y?.shape.slice(1)];
    }),
  );

const shapesOf = (graph: Graph) =>
  Object.fromEntries(graph.parameters.map(({ name, tensor }) => [name, tensor.shape]));

describe("the backbones that fit into a topology", () => {
  it.each([
    [28, 28, 1],
    [32, 48, 3],
    [224, 224, 3],
  ] as const)("are those that it can be built with for images (%i, %i, %i)", (...inputShape) => {
    const built = (topology: string, backbone?: BackboneName): Model | undefined => {
      try {
        return createModel(topology, { inputShape, ...(backbone && { backbone }) });
      } catch {
        return undefined;
      }
    };
    for (const topology of topologyNames()) {
      const own = Object.values(built(topology)?.backbones ?? {})[0] as BackboneName | undefined;
      const [standard, ...others] = backbonesFor(topology, inputShape);
      expect([topology, standard]).toEqual([topology, own]);
      expect([topology, others]).toEqual([
        topology,
        own ? backboneNames().filter((name) => name !== own && built(topology, name)) : [],
      ]);
    }
  });
});

const namesOf = (model: Model) => inspect(model).parameters.map(({ name }) => name);

describe("sequential", () => {
  it("is a ConvNet in place of ResNet-50's stem by default", () => {
    const model = sequential();
    const graph = inspect(model);
    expect(
      outputs(graph, ["front.conv1", "front.conv1.maxPool2d", "front.conv2", "front.conv2.maxPool2d"]),
    ).toEqual({
      "front.conv1": [222, 222, 32],
      "front.conv1.maxPool2d": [111, 111, 32],
      "front.conv2": [109, 109, 64],
      "front.conv2.maxPool2d": [54, 54, 64],
    });
    expect(outputs(graph, ["resnet.layer1.0.conv1", "resnet.layer4.2.bn3", "fc"])).toEqual({
      "resnet.layer1.0.conv1": [54, 54, 64],
      "resnet.layer4.2.bn3": [7, 7, 2048],
      fc: [10],
    });
    // Stages 1 to 4 of ResNet-50, the ConvNet and the dense layer.
    expect(countNumbers(graph.parameters)).toBe(
      25_557_032 - (7 * 7 * 3 * 64 + 128) - (2048 * 1000 + 1000) + (27 * 32 + 32) + (288 * 64 + 64) + 20_490,
    );
    expect(namesOf(model).some((name) => /^resnet\.(conv1|bn1|fc)\./.test(name))).toBe(false);
    expect(model.backbones).toEqual({ "resnet.": "resnet50" });
    expect(model.preprocessing!.resize).toBe(256);
  });

  it("joins as an image: all of the ResNet follows a 1×1 convolution to 3 channels", () => {
    const graph = inspect(sequential({ join: "image" }));
    expect(outputs(graph, ["project", "resnet.conv1", "resnet.layer4.2.bn3"])).toEqual({
      project: [54, 54, 3],
      "resnet.conv1": [27, 27, 64],
      "resnet.layer4.2.bn3": [2, 2, 2048],
    });
    expect(shapesOf(graph)["resnet.conv1.weight"]).toEqual([7, 7, 3, 64]);
    const grey = sequential({
      join: "image",
      imageChannels: 1,
      inputShape: [64, 64, 1],
      backbone: "resnet20",
    });
    expect(shapesOf(inspect(grey))["resnet.conv1.weight"]).toEqual([3, 3, 1, 16]);
  });

  it("reduces the channels between the parts and projects them back", () => {
    const reduced = (join: "stage" | "image") => shapesOf(inspect(sequential({ join, reduce: 16 })));
    expect(reduced("stage")).toMatchObject({
      "reduce.weight": [1, 1, 64, 16],
      "project.weight": [1, 1, 16, 64],
      "resnet.layer1.0.conv1.weight": [1, 1, 64, 64],
    });
    expect(reduced("image")).toMatchObject({
      "reduce.weight": [1, 1, 64, 16],
      "project.weight": [1, 1, 16, 3],
    });
  });

  it("has a head that flattens small images, and pools larger ones unless told otherwise", () => {
    const weight = (options: Parameters<typeof sequential>[0]) =>
      inspect(sequential(options)).parameters.find(({ name }) => name === "fc.weight")!;
    expect(weight({}).tensor.shape).toEqual([2048, 10]);
    expect(weight({ head: "flatten" }).tensor.shape).toEqual([7 * 7 * 2048, 10]);
    const small = weight({ inputShape: [28, 28, 1] });
    expect(small.tensor.shape).toEqual([2 * 2 * 64, 10]);
    expect(small.flattened).toEqual([2, 2, 64]);
    expect(weight({ inputShape: [28, 28, 1], head: "gap" }).tensor.shape).toEqual([64, 10]);
    expect(weight({ inputShape: [32, 32, 1] }).tensor.shape).toEqual([64, 10]);
  });

  it("takes other widths, with a projection where stage 1 wants others, and another backbone", () => {
    const shapes = shapesOf(inspect(sequential({ backbone: "resnet18", widths: [8, 24] })));
    expect(shapes).toMatchObject({
      "front.conv2.weight": [3, 3, 8, 24],
      "project.weight": [1, 1, 24, 64],
      "resnet.layer4.1.conv2.weight": [3, 3, 512, 512],
    });
    const before = shapesOf(inspect(sequential({ backbone: "vgg11", join: "image" })));
    expect(before["vgg.features.0.weight"]).toEqual([3, 3, 3, 64]);
  });

  it("refuses what does not fit", () => {
    expect(() => sequential({ inputShape: [8, 8, 3] })).toThrow(
      "sequential: cannot be built for images (8, 8, 3) — max_pool2d: the kernel is larger than the padded input",
    );
    expect(() => sequential({ backbone: "vgg16" })).toThrow(
      'sequential: the backbone has no stem to replace; use join: "image" — vgg16',
    );
    expect(() => sequential({ join: "stem" as "stage" })).toThrow(
      "sequential: join must be one of stage, image — stem",
    );
    expect(() => sequential({ reduce: 0 })).toThrow(/^sequential: cannot be built/);
  });
});

describe("fusion", () => {
  it("concatenates the maps of ResNet-50 and VGG-16 by default", () => {
    const model = fusion();
    const graph = inspect(model);
    const concat = "resnet.layer4.2.bn3.concat";
    expect(
      outputs(graph, ["resnet.layer4.2.bn3", "vgg.features.28.maxPool2d", concat, "fc1", "fc2"]),
    ).toEqual({
      "resnet.layer4.2.bn3": [7, 7, 2048],
      "vgg.features.28.maxPool2d": [7, 7, 512],
      [concat]: [7, 7, 2560],
      fc1: [1024],
      fc2: [10],
    });
    expect(countNumbers(graph.parameters)).toBe(
      25_557_032 - 2_049_000 + 14_714_688 + (2560 * 1024 + 1024) + (1024 * 10 + 10),
    );
    expect(model.backbones).toEqual({ "resnet.": "resnet50", "vgg.": "vgg16" });
  });

  it("averages maps that are projected to one width", () => {
    const graph = inspect(fusion({ merge: "average" }));
    expect(shapesOf(graph)).toMatchObject({
      "project.resnet.weight": [1, 1, 2048, 512],
      "project.vgg.weight": [1, 1, 512, 512],
      "fc1.weight": [512, 1024],
    });
    expect(shapesOf(inspect(fusion({ merge: "average", width: 96 })))["fc1.weight"]).toEqual([96, 1024]);
  });

  it("reduces each map before they are joined", () => {
    expect(shapesOf(inspect(fusion({ reduce: 64 })))).toMatchObject({
      "reduce.resnet.weight": [1, 1, 2048, 64],
      "reduce.vgg.weight": [1, 1, 512, 64],
      "fc1.weight": [128, 1024],
    });
    expect(shapesOf(inspect(fusion({ reduce: 64, merge: "average" })))).toMatchObject({
      "reduce.vgg.weight": [1, 1, 512, 64],
      "project.vgg.weight": [1, 1, 64, 512],
    });
  });

  it("cuts the VGG where its map is as large as the ResNet's", () => {
    const last = (options: Parameters<typeof fusion>[0]) =>
      namesOf(fusion(options)).findLast((name) => name.startsWith("vgg."));
    expect(last({ inputShape: [28, 28, 1] })).toBe("vgg.features.7.bias");
    expect(last({ stage: 3 })).toBe("vgg.features.21.bias");
    expect(last({ stage: 3, vgg: "vgg16_bn" })).toBe("vgg.features.31.bias");
  });

  it("takes a MobileNet in place of the ResNet", () => {
    const options = { inputShape: [64, 96, 3], backbone: "mobilenet_v2", reduce: 8 } as const;
    const model = fusion(options);
    expect(model.backbones).toEqual({ "mobilenet.": "mobilenet_v2", "vgg.": "vgg16" });
    expect(shapesOf(inspect(model))).toMatchObject({
      "mobilenet.features.18.0.weight": [1, 1, 320, 1280],
      "reduce.mobilenet.weight": [1, 1, 1280, 8],
      "fc1.weight": [16, 1024],
    });
    const { nodes } = inspect(fusion({ ...options, stage: 3 }));
    expect(nodes.find(({ op }) => op.name === "concat")!.outputs.y!.shape).toEqual([1, 8, 12, 16]);
  });

  it("refuses what does not fit", () => {
    expect(() => fusion({ inputShape: [225, 224, 3] })).toThrow(
      "fusion: height and width must be multiples of 32, the stride of resnet50 — inputShape (225, 224, 3)",
    );
    expect(() => fusion({ backbone: "vgg16" })).toThrow(
      "fusion: backbone must be a ResNet or a MobileNet, and vgg a VGG — vgg16",
    );
    expect(() => fusion({ backbone: "squeezenet1_1" })).toThrow("and vgg a VGG — squeezenet1_1");
    expect(() => fusion({ stage: 5 })).toThrow("resnet50: has stages 0…4 — stage 5");
    expect(() => fusion({ merge: "sum" as "concat" })).toThrow("merge must be one of concat, average — sum");
  });
});

describe("features", () => {
  it("is two convolutions on stage 3 of a frozen ResNet-50 by default", () => {
    const model = features();
    const graph = inspect(model);
    expect(outputs(graph, ["resnet.layer3.5.bn3", "conv1", "bn2", "fc"])).toEqual({
      "resnet.layer3.5.bn3": [14, 14, 1024],
      conv1: [14, 14, 128],
      bn2: [14, 14, 128],
      fc: [10],
    });
    expect(graph.nodes.map(({ op }) => op.name).slice(-9)).toEqual([
      "conv2d",
      "batch_norm",
      "activation",
      "conv2d",
      "batch_norm",
      "activation",
      "global_avg_pool",
      "dropout",
      "dense",
    ]);
    const trainable = graph.parameters.filter((parameter) => parameter.trainable);
    expect(trainable.map(({ name }) => name)).toEqual([
      "conv1.weight",
      "bn1.weight",
      "bn1.bias",
      "conv2.weight",
      "bn2.weight",
      "bn2.bias",
      "fc.weight",
      "fc.bias",
    ]);
  });

  it("is cut at other stages of other backbones, and thawed", () => {
    const model = features({ backbone: "vgg16_bn", stage: 2, width: 24, dropout: 0.2, frozen: [] });
    const graph = inspect(model);
    expect(shapesOf(graph)["conv1.weight"]).toEqual([3, 3, 128, 24]);
    expect(graph.parameters.every(({ trainable }) => trainable)).toBe(true);
    const partly = inspect(features({ frozen: ["resnet.conv1.*", "resnet.bn1.*", "resnet.layer1.*"] }));
    const thawed = partly.parameters.find(({ trainable }) => trainable)!;
    expect(thawed.name).toBe("resnet.layer2.0.conv1.weight");
  });

  it("refuses what does not fit", () => {
    expect(() => features({ stage: 5 })).toThrow("resnet50: has stages 0…4 — stage 5");
    expect(() => features({ dropout: 1 })).toThrow("p must be in [0, 1) — p = 1");
    expect(() => features({ frozen: ["renset.*"] })).toThrow(
      "features: a frozen pattern matches no parameter — renset.*",
    );
  });
});

describe("baselines", () => {
  it("are a backbone with its own head", () => {
    expect(createModel("resnet", { backbone: "resnet34" }).name).toBe("resnet34");
    expect(createModel("vgg", { backbone: "vgg11_bn", classes: 5 }).name).toBe("vgg11_bn");
    expect(createModel("resnet", { inputShape: [28, 28, 1], classes: 10 }).name).toBe("resnet20");
    const small = createModel("vgg", { inputShape: [28, 28, 1], classes: 10 });
    expect(small.name).toBe("vgg11_bn");
    expect(outputs(inspect(small), ["features.19.maxPool2d", "classifier.0"])).toEqual({
      "features.19.maxPool2d": [1, 1, 512],
      "classifier.0": [512],
    });
    expect(createModel(small.name, small.options).options).toEqual(small.options);
    expect(() => createModel("vgg", { backbone: "resnet50" })).toThrow(
      "vgg: the backbone must be a vgg — resnet50",
    );
  });
});

describe("createModel", () => {
  it.each(topologyNames())("makes %s for the images of MNIST and of ImageNet", (name) => {
    for (const [inputShape, classes] of [
      [[28, 28, 1], 10],
      [[224, 224, 3], 1000],
    ] as const) {
      const graph = inspect(createModel(name, { inputShape, classes }));
      expect(graph.outputs.get("logits")!.shape).toEqual([1, classes]);
    }
  });

  it("knows every topology", () => {
    const own = ["sequential", "interleaved", "fusion", "features", "stacked", "convnet"];
    expect(topologyNames()).toEqual([...own, "resnet", "vgg", "mobilenet", "squeezenet"]);
  });

  it.each(smallModels)("makes %s again from its name and options", (_, create) => {
    const model = create();
    const again = createModel(model.name, JSON.parse(JSON.stringify(model.options)));
    expect(again.options).toEqual(model.options);
    expect(shapesOf(inspect(again))).toEqual(shapesOf(inspect(model)));
    expect(inspect(again).parameters.map((p) => p.trainable)).toEqual(
      inspect(model).parameters.map((p) => p.trainable),
    );
  });

  it("passes on the variant of a backbone", () => {
    const model = sequential({ backbone: { name: "resnet50", stride: "v1", convBias: true } });
    expect(shapesOf(inspect(model))["resnet.layer1.0.conv1.bias"]).toEqual([64]);
    expect(model.options.backbone).toMatchObject({
      name: "resnet50",
      stride: "v1",
      convBias: true,
      width: 64,
    });
  });

  it("refuses an unknown name with those it knows", () => {
    expect(() => createModel("interwoven")).toThrow(
      "model: unknown name interwoven — take one of sequential, interleaved, fusion, features, stacked, " +
        "convnet, resnet, vgg, mobilenet, squeezenet, or of the backbones resnet18, resnet20,",
    );
    expect(() => createModel("toString")).toThrow("model: unknown name toString");
    const backbone = "toString" as BackboneName;
    expect(() => createModel("resnet", { backbone })).toThrow("backbone: unknown name toString");
  });
});

describe("freezing and summary", () => {
  it("a pattern's star is any text, and the rest is itself", () => {
    const frozen = freeze("layer1.*", "*.bn1.weight", "fc.bias");
    const named = ["layer1.0.conv1.weight", "layer2.0.bn1.weight", "fc.bias"];
    expect(named.every(frozen)).toBe(true);
    expect(["layer10.0.conv1.weight", "a.layer1.0", "fc.bias2", "fcxbias"].some(frozen)).toBe(false);
    expect(freeze()("fc.bias")).toBe(false);
  });

  it.each(smallModels)("the summary of %s adds up, trained and frozen", (_, create) => {
    const model = create();
    const [first] = inspect(model).parameters;
    const frozen = freeze(first!.name);
    const graph = inspect(model, frozen);
    const lines = summary(model, frozen).split("\n");
    const rows = lines.slice(4, -2).map((line) => line.trim().split(/ {2,}/));
    expect(rows.length).toBe(new Set(graph.nodes.map(({ label }) => label)).size + 1);
    const sum = (column: number) =>
      rows.reduce((total, row) => total + Number(row.at(column)!.replaceAll(",", "")), 0);
    const trainable = graph.parameters.filter((parameter) => parameter.trainable);
    expect(sum(-2)).toBe(countNumbers(graph.parameters));
    expect(sum(-1)).toBe(countNumbers(trainable));
    expect(sum(-1)).toBeLessThan(sum(-2));
    const number = (n: number) => n.toLocaleString("en-US");
    expect(lines.at(-1)).toBe(
      `${number(sum(-2))} parameters, ${number(sum(-1))} trainable, ${number(sum(-2) - sum(-1))} frozen`,
    );
  });

  it("shows both branches and where they join", () => {
    const [, create] = smallModels.find(([name]) => name === "fusion")!;
    const table = summary(create());
    for (const row of [
      /^resnet\.layer3\.2\.bn2 +batch_norm +\(N, 8, 8, 32\) +64 +64$/m,
      /^vgg\.features\.3\.maxPool2d +max_pool2d +\(N, 8, 8, 8\) +0 +0$/m,
      /^resnet\.layer3\.2\.bn2\.concat +concat +\(N, 8, 8, 40\) +0 +0$/m,
    ]) {
      expect(table).toMatch(row);
    }
  });
});
