import { ShapeError, WeightsError } from "../base/errors.ts";
import { matchesPattern } from "../base/pattern.ts";
import { Graph } from "../graph/graph.ts";
import { type Backbone, checkStage, withHead } from "../models/backbones/backbone.ts";
import { type BackboneLike, createBackbone } from "../models/backbones/backbones.ts";
import { inspect, type Model, type ModelOptions } from "../models/model.ts";
import { adamw, type Optimizer, type ParameterGroup } from "../optimizers/index.ts";
import { matchWeights, readWeights, type WeightsTarget } from "../weights/load.ts";
import { type Difference, differences, otherEps, otherPreprocessing } from "./conventions.ts";
import { openPretrained, type PretrainedSource } from "./open-pretrained.ts";
import { type BackboneReport, checkFit, type LoadPretrainedOptions } from "./pretrained.ts";

/** The classes to learn, what trains of the backbone, and how fast. */
export interface FinetuneOptions extends Pick<ModelOptions, "inputShape" | "preprocessing"> {
  readonly classes: number;
  /**
   * What trains of the backbone: the stages from this one on (0 is a ResNet's stem), or the parameters from the first
   * match of this pattern on. Default: nothing, so that only the head trains.
   */
  readonly unfreezeFrom?: number | string;
  /** Learning rate of the head. Default 1e-3. */
  readonly headLr?: number;
  /** Learning rate of the part of the backbone that trains. Default: a tenth of the head's. */
  readonly backboneLr?: number;
  /** Makes the optimizer. Default `adamw`. */
  readonly optimizer?: (options: {
    readonly lr: number;
    readonly groups: readonly ParameterGroup[];
  }) => Optimizer;
}

/** A backbone with a new head, and how to train it: what `Trainer.create` needs besides GPU and batch size. */
export interface Finetune {
  readonly model: Model;
  /** Whether a parameter does not train. A batch norm with a frozen weight keeps its running statistics too. */
  readonly frozen: (name: string) => boolean;
  /** The backbone's learning rate, as a multiple of the optimizer's, which is the head's. */
  readonly groups: readonly ParameterGroup[];
  readonly optimizer: Optimizer;
  /**
   * Loads pretrained weights, in any form that `loadPretrained` takes, into the backbone and into those hidden layers
   * of the head that fit; the last layer keeps its random weights. Throws WeightsError, and changes nothing, if the
   * file fits the backbone only by half, unless `strict` is false, or if the backbone computes something else with its
   * weights than the file's network.
   */
  load(
    target: WeightsTarget,
    source: PretrainedSource,
    options?: LoadPretrainedOptions,
  ): Promise<BackboneReport>;
}

/**
 * Transfer learning: a backbone with its own kind of head for other classes. Only the end of it trains.
 *
 *     const tuning = finetune("resnet18", { classes: 5, unfreezeFrom: 4, headLr: 1e-3, backboneLr: 1e-4 });
 *     const trainer = await Trainer.create({ gpu, batchSize: 16, ...tuning });
 *     await tuning.load(trainer, "resnet18.safetensors");
 *
 * Throws ShapeError for a stage that the backbone does not have, and for a pattern that matches no parameter. `load`
 * rejects with a WeightsError for weights that do not fit the backbone.
 */
export function finetune(
  backbone: BackboneLike | Backbone | (Backbone & Model),
  options: FinetuneOptions,
): Finetune {
  const { classes, unfreezeFrom, headLr = 1e-3, backboneLr = headLr / 10, optimizer = adamw } = options;
  for (const [name, lr] of Object.entries({ headLr, backboneLr })) {
    if (!(lr > 0 && lr < Number.POSITIVE_INFINITY)) {
      throw new ShapeError("finetune", `${name} must be a positive number`, String(lr));
    }
  }
  const part: Backbone & Partial<Model> =
    typeof backbone === "object" && "features" in backbone ? backbone : createBackbone(backbone);
  const inputShape = options.inputShape ?? part.inputShape;
  const preprocessing = options.preprocessing ?? part.preprocessing;
  const model = withHead(part, {
    classes,
    ...(inputShape && { inputShape }),
    ...(preprocessing && { preprocessing }),
  });
  const { parameters, nodes } = inspect(model);
  const ofBackbone = namesUpTo(part, model.inputShape, part.stages);
  const first = firstToTrain(part, model, unfreezeFrom);
  const frozenNames = new Set(parameters.slice(0, first).map(({ name }) => name));
  const variables = new Set(parameters.map(({ tensor }) => tensor));
  // A pool may follow it.
  const last = nodes.findLast(({ inputs }) =>
    Object.values(inputs).some((tensor) => variables.has(tensor!)),
  )!;
  const isNew = new Set<string | undefined>(Object.values(last.inputs).map((tensor) => tensor?.name));

  const trains = parameters.some(({ name }) => ofBackbone.has(name) && !frozenNames.has(name));
  const match = (name: string): boolean => ofBackbone.has(name);
  const groups = trains ? [{ match, lrScale: backboneLr / headLr }] : [];
  return {
    model,
    frozen: (name) => frozenNames.has(name),
    groups,
    optimizer: optimizer({ lr: headLr, groups }),
    async load({ weights, variables }, source, reading = {}) {
      const { file, unfolded, model: theirs } = await openPretrained(source, model, reading);
      const map = (name: string): string | undefined => (isNew.has(name) ? undefined : name);
      const loading = { ...reading, strict: false, adapt: true, map };
      const match = matchWeights(weights, file, loading);
      checkFit(file, model, match, reading);
      const wrong = theirs ? differences(model, "", theirs) : otherEps(model, "", match.names);
      if (wrong.length > 0) {
        const [first] = wrong;
        const isEps = wrong.every(({ option, got }) => option === "eps" && got[0] === first!.got[0]);
        throw new WeightsError(
          `the weights do not fit the backbone ${part.name}: ${shown(wrong)}` +
            (isEps ? ` — make it with norm: { eps: ${first!.got[0]} }` : ""),
        );
      }
      const { report, values } = await readWeights(weights, file, loading);
      for (const { name, tensor } of weights) {
        const value = values.get(name);
        if (value) variables.write(tensor, value);
      }
      const expected = theirs && otherPreprocessing(model, theirs);
      return { ...report, unfolded, ...(expected && { preprocessing: expected }) };
    },
  };
}

/** How many layers the error for weights of another network names. */
const NAMED = 4;

function shown(all: readonly Difference[]): string {
  const some = all
    .slice(0, NAMED)
    .map(
      ({ name, option, expected, got }) =>
        `${name} has the ${option} ${got.join(", ")}, the model has ${expected.join(", ")}`,
    );
  return [...some, ...(all.length > NAMED ? [`and ${all.length - NAMED} more layers`] : [])].join("; ");
}

/** The index, in the order of execution, of the first parameter that trains. */
function firstToTrain(backbone: Backbone, model: Model, unfreezeFrom: number | string | undefined): number {
  const { parameters } = inspect(model);
  if (typeof unfreezeFrom === "string") {
    const first = parameters.findIndex(({ name }) => matchesPattern(unfreezeFrom, name));
    if (first < 0) throw new ShapeError("finetune", "unfreezeFrom matches no parameter", unfreezeFrom);
    return first;
  }
  const { name, stages, stemChannels } = backbone;
  const least = stemChannels === undefined ? 1 : 0;
  if (unfreezeFrom !== undefined) checkStage(name, unfreezeFrom, least, stages);
  if (unfreezeFrom === least) return 0;
  const before = namesUpTo(backbone, model.inputShape, (unfreezeFrom ?? stages + 1) - 1);
  return parameters.filter((parameter) => before.has(parameter.name)).length;
}

/** The names of the weights and running statistics of a backbone's stages up to this one. */
function namesUpTo(backbone: Backbone, inputShape: Model["inputShape"], stage: number): Set<string> {
  const graph = new Graph({ mode: "eval", maxBindingBytes: Number.POSITIVE_INFINITY });
  backbone.features(graph.input("images", [1, ...inputShape]), { stage });
  return new Set([...graph.parameters, ...graph.states].map(({ name }) => name));
}
