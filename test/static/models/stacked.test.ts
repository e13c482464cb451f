import { describe, expect, it } from "vitest";
import { Random } from "../../../src/base/random.ts";
import { fuse } from "../../../src/graph/fusion.ts";
import { Graph } from "../../../src/graph/graph.ts";
import {
  basicBlock,
  countNumbers,
  createModel,
  identityBlock,
  inspect,
  type Model,
  plainBlock,
  type StackedOptions,
  shortcutsNames,
  stacked,
  summary,
} from "../../../src/models/index.ts";
import { readWeights } from "../../../src/weights/load.ts";
import { seededWeights } from "../../support/data/seeded.ts";

const count = (options: StackedOptions): number => countNumbers(inspect(stacked(options)).parameters);

/** The operations of a training step, after fusion, by label. */
function operations(model: Model, mode: "train" | "eval" = "train"): string[] {
  const graph = new Graph({ mode });
  graph.output("logits", model.build(graph.input("images", [2, ...model.inputShape])));
  return fuse(graph).map(
    ({ op, label, inputs }) => `${label} ${op.name}${inputs.residual ? " + residual" : ""}`,
  );
}

/** The pairs that something is added to. */
const added = (options: StackedOptions): string[] =>
  operations(stacked(options)).flatMap(
    (each) => /^(.*)\.(?:bn2 batch_norm \+ residual|conv2 add)$/.exec(each)?.[1] ?? [],
  );

const pairs = (n: number): string[] =>
  [1, 2, 3].flatMap((stage) => Array.from({ length: n }, (_, i) => `layer${stage}.${i}`));

describe("parameters", () => {
  // The paper says 0.27, 0.46, 0.66, 0.85, 1.7 and 19.4 million.
  it.each([
    [20, 269_722],
    [32, 464_154],
    [44, 658_586],
    [56, 853_018],
    [110, 1_727_962],
    [1202, 19_421_274],
  ])("of %i layers are the paper's ResNet's", (depth, expected) => {
    expect(count({ depth, widths: [16, 32, 64], inputShape: [32, 32, 3], shortcuts: "all" })).toBe(expected);
  });

  it.each([1, 2, 4, 8])("with %i pairs a stage are those of 6n + 2 layers, whatever the shortcuts", (n) => {
    const [a, b, c] = [8, 16, 32];
    const weights = 9 * (a + n * 2 * a * a + a * b + (2 * n - 1) * b * b + b * c + (2 * n - 1) * c * c);
    const channels = a + 2 * n * (a + b + c);
    const head = c * 10 + 10;
    const halves = Array.from({ length: 3 * n }, (_, pair) => pair >= 1.5 * n);
    for (const shortcuts of [...shortcutsNames, halves]) {
      const options = { depth: 6 * n + 2, shortcuts };
      expect(count(options)).toBe(weights + 2 * channels + head);
      // Biases in place of a scale and a shift each.
      expect(count({ ...options, batchNorm: false })).toBe(weights + channels + head);
      const { parameters } = inspect(stacked(options));
      const layers = parameters.filter(({ tensor }) => tensor.shape.length > 1);
      expect(layers.length).toBe(6 * n + 2);
    }
  });

  it.each([true, false])("start with the same values from the same seed, batch norm %s", (batchNorm) => {
    const of = (shortcuts: StackedOptions["shortcuts"]) =>
      seededWeights(stacked({ depth: 14, batchNorm, ...(shortcuts && { shortcuts }) }), 4);
    expect(of("none")).toEqual(of("all"));
    expect(of("alternate")).toEqual(of("all"));
  });

  it("of one network are those of another, read from its file", async () => {
    const file = seededWeights(stacked({ depth: 8, shortcuts: "all" }), 4);
    const { parameters, states } = inspect(stacked({ depth: 8, shortcuts: "none" }));
    const { report, values } = await readWeights([...parameters, ...states], file, {});
    expect(report).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
    expect(values.get("layer3.0.bn2.running_var")).toEqual(file.get("layer3.0.bn2.running_var")!.data);
  });

  it("have torchvision's names", () => {
    const { parameters, states } = inspect(stacked({ depth: 8 }));
    const convolution = (layer: string, i: number | "") => [
      `${layer}conv${i}.weight`,
      `${layer}bn${i}.weight`,
      `${layer}bn${i}.bias`,
    ];
    expect(parameters.map(({ name }) => name)).toEqual([
      ...convolution("", 1),
      ...pairs(1).flatMap((pair) => [1, 2].flatMap((i) => convolution(`${pair}.`, i))),
      "fc.weight",
      "fc.bias",
    ]);
    expect(states.length).toBe(2 * 7);
  });

  it("have He's variance of the fan out", () => {
    const { parameters } = inspect(stacked({ depth: 8, shortcuts: "none" }));
    const { init, tensor } = parameters.find(({ name }) => name === "layer3.0.conv2.weight")!;
    const values = init(tensor.shape, new Random(1, "he"));
    const variance = values.reduce((sum, v) => sum + v * v, 0) / values.length;
    expect(variance * 9 * 32).toBeCloseTo(2, 0);
  });
});

describe("shortcuts", () => {
  it.each([true, false])("stand around all pairs, every second one or none, batch norm %s", (batchNorm) => {
    for (const n of [1, 2, 4]) {
      const options = { depth: 6 * n + 2, batchNorm };
      expect(added({ ...options, shortcuts: "all" })).toEqual(pairs(n));
      expect(added({ ...options, shortcuts: "none" })).toEqual([]);
      expect(added(options)).toEqual(pairs(n).filter((_, pair) => pair % 2 === 1));
    }
  });

  it.each<[string, (pair: number, n: number) => boolean]>([
    ["one plain pair in the middle", (pair, n) => pair !== Math.floor(1.5 * n)],
    ["plain starts of stages", (pair, n) => pair !== n && pair !== 2 * n],
    ["every fourth pair plain", (pair) => pair % 4 !== 3],
    ["the first half plain", (pair, n) => pair >= 1.5 * n],
    ["the last half plain", (pair, n) => pair < 1.5 * n],
  ])("stand where they are listed: %s", (_, hasShortcut) => {
    const n = 8;
    const shortcuts = pairs(n).map((_, pair) => hasShortcut(pair, n));
    expect(added({ depth: 50, shortcuts })).toEqual(pairs(n).filter((_, pair) => shortcuts[pair]));
  });

  it("take every second pixel and channels of zeros where the shape changes, nothing elsewhere", () => {
    const moved = operations(stacked({ depth: 14, shortcuts: "all" })).filter((each) =>
      /avg_pool2d$|pad_channels$/.test(each),
    );
    expect(moved).toEqual([
      "layer1.1.bn2.avgPool2d avg_pool2d",
      "layer1.1.bn2.avgPool2d.padChannels pad_channels",
      "layer2.1.bn2.avgPool2d avg_pool2d",
      "layer2.1.bn2.avgPool2d.padChannels pad_channels",
    ]);
    const equal = operations(stacked({ depth: 8, shortcuts: "all", widths: [8, 8, 8] }));
    expect(equal.filter((each) => each.includes("avg_pool2d")).length).toBe(2);
    expect(equal.filter((each) => each.includes("pad_channels"))).toEqual([]);
  });

  it("fit for images of any size", () => {
    for (const extent of [1, 2, 3, 7, 28, 33]) {
      const model = stacked({ depth: 8, shortcuts: "all", inputShape: [extent, extent + 1, 3] });
      const map = inspect(model).nodes.findLast(({ op }) => op.name === "batch_norm")!;
      const quarter = (size: number) => Math.ceil(Math.ceil(size / 2) / 2);
      expect(map.outputs.y!.shape).toEqual([1, quarter(extent), quarter(extent + 1), 32]);
    }
  });

  it("fuse into the batch norm, so that a residual network launches only two shortcuts more", () => {
    const launches = (shortcuts: StackedOptions["shortcuts"]) =>
      operations(stacked({ depth: 26, ...(shortcuts && { shortcuts }) })).length;
    expect(launches("all")).toBe(launches("none") + 4);
    // No pair that changes the shape is among them.
    expect(launches("alternate")).toBe(launches("none"));
  });

  it("of a block have parameters only where they are projections", () => {
    const build = (block: typeof basicBlock, batchNorm = true) => {
      const graph = new Graph({ mode: "train" });
      block(graph.input("x", [2, 8, 8, 4]), "b", { outChannels: 6, stride: 2, batchNorm });
      return graph.parameters.map(({ name }) => name).filter((name) => !/conv[12]|bn[12]/.test(name));
    };
    expect(build(basicBlock)).toEqual([
      "b.downsample.0.weight",
      "b.downsample.1.weight",
      "b.downsample.1.bias",
    ]);
    expect(build(basicBlock, false)).toEqual(["b.downsample.0.weight", "b.downsample.0.bias"]);
    for (const block of [identityBlock, plainBlock]) expect(build(block)).toEqual([]);
  });

  it("without parameters cannot drop channels", () => {
    const x = new Graph({ mode: "train" }).input("x", [2, 8, 8, 4]);
    expect(() => identityBlock(x, "b", { outChannels: 3 })).toThrow(
      "pad_channels: cannot have fewer channels, 3 — x (2, 8, 8, 4)",
    );
  });
});

describe("as a model", () => {
  it("is what its summary says", () => {
    expect(summary(stacked({ depth: 8, shortcuts: "all" }))).toBe(
      [
        "stacked: images (28, 28, 1) → 10 classes",
        "",
        "Layer                               Operation        Output           Parameters  Trainable",
        "───────────────────────────────────────────────────────────────────────────────────────────",
        "images                              input            (N, 28, 28, 1)            0          0",
        "conv1                               conv2d           (N, 28, 28, 8)           72         72",
        "bn1                                 batch_norm       (N, 28, 28, 8)           16         16",
        "layer1.0.conv1                      conv2d           (N, 28, 28, 8)          576        576",
        "layer1.0.bn1                        batch_norm       (N, 28, 28, 8)           16         16",
        "layer1.0.conv2                      conv2d           (N, 28, 28, 8)          576        576",
        "layer1.0.bn2                        batch_norm       (N, 28, 28, 8)           16         16",
        "layer2.0.conv1                      conv2d           (N, 14, 14, 16)       1,152      1,152",
        "layer2.0.bn1                        batch_norm       (N, 14, 14, 16)          32         32",
        "layer2.0.conv2                      conv2d           (N, 14, 14, 16)       2,304      2,304",
        "layer1.0.bn2.avgPool2d              avg_pool2d       (N, 14, 14, 8)            0          0",
        "layer1.0.bn2.avgPool2d.padChannels  pad_channels     (N, 14, 14, 16)           0          0",
        "layer2.0.bn2                        batch_norm       (N, 14, 14, 16)          32         32",
        "layer3.0.conv1                      conv2d           (N, 7, 7, 32)         4,608      4,608",
        "layer3.0.bn1                        batch_norm       (N, 7, 7, 32)            64         64",
        "layer3.0.conv2                      conv2d           (N, 7, 7, 32)         9,216      9,216",
        "layer2.0.bn2.avgPool2d              avg_pool2d       (N, 7, 7, 16)             0          0",
        "layer2.0.bn2.avgPool2d.padChannels  pad_channels     (N, 7, 7, 32)             0          0",
        "layer3.0.bn2                        batch_norm       (N, 7, 7, 32)            64         64",
        "layer3.0.bn2.globalAvgPool          global_avg_pool  (N, 32)                   0          0",
        "fc                                  dense            (N, 10)                 330        330",
        "",
        "19,074 parameters, 19,074 trainable, 0 frozen",
      ].join("\n"),
    );
  });

  it("is made again from its options, a list of shortcuts among them", () => {
    const model = stacked({ depth: 8, shortcuts: [true, false, true], widths: [4, 4, 6], batchNorm: false });
    const again = createModel("stacked", JSON.parse(JSON.stringify(model.options)));
    expect(again.options).toEqual(model.options);
    expect(operations(again)).toEqual(operations(model));
  });

  it.each<[object, string]>([
    [{ depth: 10 }, "depth must be 6n + 2: 8, 14, 20, 26, …, 1202 — 10"],
    [{ depth: 6e9 + 2 }, "depth must be 6n + 2: 8, 14, 20, 26, …, 1202 — 6000000002"],
    [{ depth: 2 }, "depth must be 6n + 2: 8, 14, 20, 26, …, 1202 — 2"],
    [{ depth: "14" }, 'depth must be 6n + 2: 8, 14, 20, 26, …, 1202 — "14"'],
    [{ depth: Number.NaN }, "depth must be 6n + 2: 8, 14, 20, 26, …, 1202 — NaN"],
    [
      { depth: 8, shortcuts: "some" },
      'shortcuts must be all, alternate, none or a list of 3 times true or false — "some"',
    ],
    [
      { depth: 8, shortcuts: "toString" },
      'shortcuts must be all, alternate, none or a list of 3 times true or false — "toString"',
    ],
    [
      { shortcuts: [true, false] },
      "shortcuts must be all, alternate, none or a list of 6 times true or false — [true, false]",
    ],
    [
      { depth: 8, shortcuts: [1, 0, 1] },
      "shortcuts must be all, alternate, none or a list of 3 times true or false — [1, 0, 1]",
    ],
    [
      { widths: [16, 8, 32] },
      "takes three widths, none below the one before it, since shortcuts without parameters only add channels — " +
        "widths [16, 8, 32]",
    ],
    [
      { widths: [8, 16] },
      "takes three widths, none below the one before it, since shortcuts without parameters only add channels — " +
        "widths [8, 16]",
    ],
  ])("refuses %j", (options, message) => {
    expect(() => createModel("stacked", { ...options })).toThrow(`stacked: ${message}`);
  });
});
