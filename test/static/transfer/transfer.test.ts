import { describe, expect, it } from "vitest";
import { Graph } from "../../../src/graph/graph.ts";
import {
  createBackbone,
  createModel,
  freeze,
  frozenIn,
  inspect,
  type Model,
  resnet,
} from "../../../src/models/index.ts";
import { lower } from "../../../src/ops/lower.ts";
import { sgd } from "../../../src/optimizers/index.ts";
import { plan } from "../../../src/plan/plan.ts";
import { finetune } from "../../../src/transfer/finetune.ts";
import { splitModel } from "../../../src/transfer/split.ts";
import { encodeSafetensors } from "../../../src/weights/safetensors.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { memoryTarget } from "../../support/data/weights.ts";
import { smallModels } from "../../support/models/models.ts";

/** A training step of a model, emitted but not run. */
function trained(model: Model, frozen?: (name: string) => boolean, batch = 4) {
  const graph = new Graph({ mode: "train", frozen: frozenIn(model, frozen) });
  const logits = model.build(graph.input("images", [batch, ...model.inputShape]));
  const program = lower(graph, [[logits, graph.input("gradient", logits.shape)]]);
  return { graph, logits, program };
}

const small = { inputShape: [16, 16, 3], classes: 5 } as const;

describe("finetune", () => {
  const trains = (tuning: ReturnType<typeof finetune>): string[] =>
    trained(tuning.model, tuning.frozen)
      .graph.parameters.filter(({ trainable }) => trainable)
      .map(({ name }) => name.replace(/\.[^.]+$/, ""))
      .filter((name, i, all) => all.indexOf(name) === i);

  it("trains the head alone unless it is told from where on", () => {
    const tuning = finetune("resnet20", small);
    expect(tuning.model).toMatchObject({ name: "resnet20", inputShape: [16, 16, 3], classes: 5 });
    expect(trains(tuning)).toEqual(["fc"]);
    expect(tuning.groups).toEqual([]);
    expect(trains(finetune("vgg11", { classes: 3, inputShape: [32, 32, 3] }))).toEqual([
      "classifier.0",
      "classifier.3",
      "classifier.6",
    ]);
  });

  it.each([
    ["mobilenet_v2", { widthMult: 0.25 }, ["classifier.1"], 5, /^(features\.1[4-8]\.|classifier)/],
    [
      "mobilenet_v3_small",
      { widthMult: 0.25 },
      ["classifier.0", "classifier.3"],
      4,
      /^(features\.(9|1[0-2])\.|classifier)/,
    ],
    ["squeezenet1_1", {}, ["classifier.1"], 4, /^(features\.(9|1[0-2])\.|classifier)/],
    ["resnet18d", { width: 8 }, ["fc"], 4, /^(layer4\.|fc)/],
  ] as const)("has the stages of %s, and a new last layer", async (name, variant, head, stage, last) => {
    const options = { ...small, inputShape: [20, 20, 3] } as const;
    expect(trains(finetune({ name, ...variant }, options))).toEqual(head);
    const tuning = finetune({ name, ...variant }, { ...options, unfreezeFrom: stage });
    const names = trains(tuning);
    const all = inspect(tuning.model).parameters.map((parameter) => parameter.name.replace(/\.[^.]+$/, ""));
    expect(names).toEqual([...new Set(all)].filter((layer) => last.test(layer)));

    const theirs = createModel(name, { ...variant, inputShape: [20, 20, 3], classes: 1000 });
    const target = memoryTarget(tuning.model);
    const report = await tuning.load(target, seededWeights(theirs, 3));
    const isNew = ["weight", "bias"].map((part) => `${head.at(-1)}.${part}`);
    expect(report).toMatchObject({ missing: isNew, mismatched: [], unexpected: [] });
    expect(report.loaded.length).toBe(target.weights.length - 2);
  });

  it("trains from a stage on, with the backbone's own learning rate", () => {
    const tuning = finetune("resnet20", { ...small, unfreezeFrom: 3, headLr: 0.01, backboneLr: 0.002 });
    expect(trains(tuning).every((name) => /^(layer3\.|fc)/.test(name))).toBe(true);
    expect(trains(tuning)).toContain("layer3.0.conv1");
    expect(tuning.optimizer).toMatchObject({ name: "adamw", learningRate: 0.01 });
    const [group] = tuning.groups;
    expect(group!.lrScale).toBeCloseTo(0.2);
    const match = group!.match as (name: string) => boolean;
    expect([match("layer3.0.conv1.weight"), match("fc.weight")]).toEqual([true, false]);
    const { graph, program } = trained(tuning.model, tuning.frozen);
    expect(() => tuning.optimizer.emit(graph, program)).not.toThrow();
  });

  it("trains from the stem, from a stage of a VGG and from a parameter on", () => {
    expect(trains(finetune("resnet20", { ...small, unfreezeFrom: 0 }))[0]).toBe("conv1");
    expect(trains(finetune("resnet20", { ...small, unfreezeFrom: 1 }))[0]).toBe("layer1.0.conv1");
    const vgg = { classes: 3, inputShape: [32, 32, 3] } as const;
    expect(trains(finetune("vgg11", { ...vgg, unfreezeFrom: 1 }))[0]).toBe("features.0");
    expect(trains(finetune("vgg11", { ...vgg, unfreezeFrom: 5 }))[0]).toBe("features.16");
    const tuning = finetune("resnet20", { ...small, unfreezeFrom: "layer2.1.*" });
    expect(trains(tuning)[0]).toBe("layer2.1.conv1");
  });

  it("takes backbones in every form, and any optimizer", () => {
    const variant = finetune({ name: "resnet20", width: 4 }, small).model;
    expect(finetune(createBackbone({ name: "resnet20", width: 4 }), small).model.options).toEqual(
      variant.options,
    );
    const { model } = finetune(resnet(20, { inputShape: [8, 8, 1], classes: 2 }), { classes: 7 });
    expect(model).toMatchObject({ inputShape: [8, 8, 1], classes: 7 });
    const { optimizer } = finetune("resnet20", {
      ...small,
      optimizer: (given) => sgd({ ...given, momentum: 0.9 }),
    });
    expect(optimizer).toMatchObject({ name: "sgd", learningRate: 1e-3 });
  });

  it.each([
    [{ unfreezeFrom: 4 }, "resnet20: has stages 0…3 — stage 4"],
    [{ unfreezeFrom: "layer9.*" }, "finetune: unfreezeFrom matches no parameter — layer9.*"],
    [{ headLr: 0 }, "finetune: headLr must be a positive number — 0"],
    [{ backboneLr: Number.NaN }, "finetune: backboneLr must be a positive number — NaN"],
  ])("refuses %o", (options, message) => {
    expect(() => finetune("resnet20", { ...small, ...options })).toThrow(message);
  });

  /** A file of all weights of a model; `change` is made to them first. */
  async function fileOf(
    model: Model,
    change: (tensors: Map<string, { shape: number[] }>) => void = () => {},
  ) {
    const { weights } = memoryTarget(model);
    const shapes = new Map(weights.map(({ name, tensor: { shape } }) => [name, { shape: [...shape] }]));
    change(shapes);
    const outermost = ([R, S, C, K]: number[]): number[] =>
      S === undefined ? [R!] : C === undefined ? [S, R!] : [K!, C, R!, S];
    return encodeSafetensors(
      new Map(
        [...shapes].map(([name, { shape }]) => {
          const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5);
          return [name, { shape: outermost(shape), data }];
        }),
      ),
    );
  }
  const backbone = { name: "resnet20", width: 4 } as const;

  it("loads the backbone and leaves the last layer as drawn, whatever classes the file has", async () => {
    for (const classes of [5, 10]) {
      const tuning = finetune(backbone, small);
      const target = memoryTarget(tuning.model);
      const file = await fileOf(finetune(backbone, { ...small, classes }).model);
      const report = await tuning.load(target, file);
      expect(report).toMatchObject({ missing: ["fc.weight", "fc.bias"], unexpected: [], mismatched: [] });
      expect(target.values.size).toBe(target.weights.length - 2);
      expect(target.values.get("conv1.weight")![0]).toBe(0.5);
      expect(target.values.has("fc.weight")).toBe(false);
    }
  });

  it("changes nothing where the backbone does not get all of its weights", async () => {
    const tuning = finetune(backbone, small);
    const target = memoryTarget(tuning.model);
    const file = await fileOf(tuning.model, (tensors) => {
      tensors.delete("layer2.0.bn1.running_var");
      tensors.get("conv1.weight")!.shape = [3, 3, 2, 4];
    });
    await expect(tuning.load(target, file)).rejects.toThrow(
      "fits resnet20 only by half: it lacks layer2.0.bn1.running_var; of other shapes are conv1.weight (4, 2, 3, 3), where " +
        "the model has (4, 3, 3, 3)",
    );
    expect(target.values.size).toBe(0);
    const { missing, mismatched } = await tuning.load(target, file, { strict: false });
    expect([missing.includes("layer2.0.bn1.running_var"), mismatched.length]).toEqual([true, 1]);
  });
});

describe("splitModel", () => {
  const cuts: [string, Model, string[], string, readonly number[]][] = [
    [
      "resnet20 but for its head",
      createModel("resnet20"),
      ["conv1.*", "bn1.*", "layer*"],
      "layer3.2.bn2.globalAvgPool",
      [1, 1, 64],
    ],
    [
      "resnet20 in a stage",
      createModel("resnet20"),
      ["conv1.*", "bn1.*", "layer1.*"],
      "layer1.2.bn2",
      [32, 32, 16],
    ],
    [
      "a block whose first half is frozen",
      createModel("resnet20"),
      ["conv1.*", "bn1.*", "layer1.*", "layer2.0.conv1.*", "layer2.0.bn1.*"],
      "layer1.2.bn2",
      [32, 32, 16],
    ],
  ];
  it.each(cuts)("%s is cut as late as can be", (_, model, patterns, at, shape) => {
    const frozen = freeze(...patterns);
    const split = splitModel(model, { frozen });
    expect([split.at, split.shape]).toEqual([at, shape]);
  });

  it("cuts before dropout, and where two frozen branches have met", () => {
    const vgg = createModel("vgg11", { inputShape: [32, 32, 3], hidden: 8 });
    const head = splitModel(vgg, { frozen: freeze("features.*", "classifier.0.*") });
    expect([head.at, head.shape]).toEqual(["classifier.0", [1, 1, 8]]);
    const [, fusion] = smallModels.find(([name]) => name === "fusion")!;
    const { shape } = splitModel(fusion(), { frozen: freeze("resnet.*", "vgg.*") });
    expect(shape.slice(0, 2)).toEqual([1, 1]);
  });

  it("has a head whose training is that of the whole model, launch by launch", () => {
    for (const [model, frozen] of [
      [createModel("resnet20", small), freeze("conv1.*", "bn1.*", "layer1.*", "layer2.*")],
      [createModel("vgg11", { inputShape: [32, 32, 3], hidden: 8 }), freeze("features.*")],
      [
        createModel("features", { inputShape: [32, 32, 3], backbone: { name: "resnet20", width: 4 } }),
        undefined,
      ],
    ] as const) {
      const { head } = splitModel(model, { frozen });
      const [all, rest] = [trained(model, frozen), trained(head)];
      const shown = ({ program }: typeof all) =>
        program.dispatches.map(({ kernel, constants, workgroups, label }) => ({
          kernel: kernel.name,
          constants,
          workgroups,
          label,
        }));
      const own = shown(rest);
      const whole = shown(all);
      expect(own).toEqual(whole.slice(-own.length));
      const left = whole.slice(0, -own.length).map(({ label }) => label);
      expect(left[0]).toMatch(/^(resnet\.)?(conv1|features\.0)$/);
      expect(left.filter((label) => label.startsWith("d("))).toEqual([]);
      // Parameters that train lie alike, so that moments and norms do.
      const layout = ({ graph }: typeof all) =>
        graph.parameters
          .filter(({ trainable }) => trainable)
          .map(({ name, tensor, flattened }) => [name, tensor.offset, flattened]);
      expect(layout(rest)).toEqual(layout(all));
    }
  });

  it("has a trunk of the layers before the cut alone, with the memory layout of the whole model", () => {
    const model = createModel("resnet20", small);
    const frozen = freeze("conv1.*", "bn1.*", "layer1.*");
    const { trunk } = splitModel(model, { frozen });
    const graph = new Graph({ mode: "eval", frozen: frozenIn(model, frozen) });
    trunk(graph, 4);
    expect(graph.nodes.map(({ label }) => label).filter((label) => /^(layer[23]|fc)/.test(label))).toEqual(
      [],
    );
    expect(plan(lower(graph)).outputs.get("features")!.shape).toEqual([4, 16, 16, 16]);
    const offsets = (list: Graph["parameters"]) => list.map(({ name, tensor }) => [name, tensor.offset]);
    expect(offsets(graph.parameters)).toEqual(offsets(trained(model, frozen).graph.parameters));
  });

  const frozen = freeze("conv1.*", "bn1.*", "layer1.*");
  it.each([
    ["nothing that trains", { frozen: () => true }, /nothing trains/],
    ["training from the first layer on", {}, /nothing can be cut off — conv1.weight trains/],
    ["a layer that is not there", { frozen, at: "layer7" }, /has no layer of this name — layer7/],
    [
      "a layer that trains",
      { frozen, at: "layer2.0.bn1" },
      /features after layer2.0.bn1 would change — layer2.0.conv1.weight trains/,
    ],
    [
      "a layer in a block",
      { frozen, at: "layer1.1.bn1" },
      /also use values from before this one — layer1.1.bn1/,
    ],
  ])("refuses %s", (_, options, message) => {
    expect(() => splitModel(createModel("resnet20"), options)).toThrow(message);
  });

  it("refuses a cut after dropout, which is another one in each step", () => {
    const vgg = createModel("vgg11", { inputShape: [32, 32, 3], hidden: 8 });
    const options = { frozen: freeze("features.*", "classifier.0.*", "classifier.3.*"), at: "classifier.3" };
    expect(() => splitModel(vgg, options)).toThrow(/classifier.2 is random/);
  });
});
