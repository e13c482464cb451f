/** What a trainer trains: a network with its loss, a classifier being one of them. */
import { ShapeError } from "../base/errors.ts";
import type { LoaderSpec } from "../data/loader.ts";
import type { Graph } from "../graph/graph.ts";
import { describe, type Tensor } from "../graph/tensor.ts";
import { asActivations } from "../layers/index.ts";
import { exact } from "../layers/precision.ts";
import { hasManyLabels, type Model, probabilitiesOf } from "../models/model.ts";
import {
  type AnyNetwork,
  buildOutputs,
  inputsOf,
  isClassifier,
  type Named,
  type Network,
} from "../models/network.ts";
import type { Outputs } from "../run/session.ts";
import type { Values } from "../run/values.ts";
import { predictedClass, rightLabels } from "./evaluation/confusion.ts";
import { IGNORED } from "./evaluation/run-batches.ts";
import { classifierLoss, evaluationLoss, hasSoftTargets, type TrainingPassOptions } from "./passes.ts";

/** `train` and `eval` end in a loss; `predict` ends in the outputs and takes no targets. */
export type Mode = "train" | "eval" | "predict";

/** The values of a batch by name, each with `size` examples: in the padded layout, but for vectors of one number each. */
export interface Fed {
  readonly values: Readonly<Record<string, Values>>;
  readonly size: number;
}

/** What the host feeds of each example. */
type FedSpec = LoaderSpec & { readonly dtype: "f32" | "i32" };

export interface Objective {
  readonly network: AnyNetwork;
  readonly inputs: Readonly<Record<string, FedSpec>>;
  readonly targets: Readonly<Record<string, FedSpec>>;
  /** From inputs, and targets unless it predicts, to the loss and what the host reads besides. */
  pass(mode: Mode, given: Named): { readonly loss?: Tensor; readonly outputs: Named };
  /** What the mean loss of these examples is divided by, up to a factor. */
  weightOf(batch: Fed): number;
  /** How many examples a training step classified correctly, if that is told. */
  correct?(outputs: Outputs, batch: Fed): number;
  /** The same of an evaluation, if it tells no confusion. */
  right?(probabilities: Values, batch: Fed): number;
  /** Label of examples that do not count; without one, an evaluation takes no more examples than there are. */
  readonly ignored?: number;
}

/**
 * What a loss compares, f32 in any precision: a classifier's logits (N, classes) with labels i32 (N), or with f32
 * (N, classes) if it is a `multiLabel` one; or outputs with targets by name.
 */
export type LossOf<M extends AnyNetwork> = M extends Model
  ? { of(logits: Tensor, labels: Tensor): Tensor }["of"]
  : { of(outputs: Named, targets: Named): Tensor }["of"];

export type ObjectiveOptions<M extends AnyNetwork = AnyNetwork> = TrainingPassOptions & {
  readonly model: M;
  readonly loss?: LossOf<M>;
};

/** Throws ShapeError for options that do not go together, and for a network without a loss. */
export function objectiveOf({ model, loss, ...options }: ObjectiveOptions): Objective {
  const objective = isClassifier(model)
    ? classification(model, options, loss as LossOf<Model> | undefined)
    : ofNetwork(model, options, loss as LossOf<Network> | undefined);
  const names = [...Object.keys(objective.inputs), ...Object.keys(objective.targets)];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice) throw new ShapeError(model.name, "an input and a target have the same name", twice);
  return objective;
}

/** What a classifier is fed with: images, and labels. */
export const specsOfClassifier = (model: Model): Pick<Objective, "inputs" | "targets"> => ({
  inputs: { images: { shape: model.inputShape, dtype: "f32" } },
  targets: {
    labels: hasManyLabels(model)
      ? { shape: [model.classes], dtype: "f32", most: 1 }
      : { shape: [], dtype: "i32", below: model.classes },
  },
});

function classification(
  model: Model,
  options: TrainingPassOptions,
  own: LossOf<Model> | undefined = model.loss,
): Objective {
  const { classWeights, augment } = options;
  const { classes } = model;
  const many = hasManyLabels(model);
  if (many && (!own || hasSoftTargets(augment)))
    throw new ShapeError(model.name, "takes a loss, that of multiLabel, and no mixup or cutmix", "sigmoid");
  if (own)
    refuse(
      model,
      { labelSmoothing: options.labelSmoothing, classWeights },
      "are options of crossEntropy — give them to it in your loss",
    );
  const weighted = classWeights && !hasSoftTargets(augment);
  return {
    network: model,
    ...specsOfClassifier(model),
    pass(mode, { images, labels }) {
      if (mode === "train") {
        const { logits, loss } = classifierLoss(model, images!, labels!, options, own);
        return { loss, outputs: own ? { logits } : {} };
      }
      const logits = model.build(asActivations(images!));
      const outputs = { probabilities: probabilitiesOf(model, logits) };
      return mode === "predict" ? { outputs } : { loss: evaluationLoss(logits, labels!, own), outputs };
    },
    weightOf: ({ values, size }) =>
      weighted
        ? (values.labels as Int32Array).reduce((sum, label) => sum + (classWeights[label] ?? 0), 0)
        : size,
    correct({ loss, logits }, { values, size }) {
      if (!logits) return loss![3]!;
      if (many) return rightLabels(logits, 0, values.labels!, size);
      let correct = 0;
      for (let i = 0; i < size; i++)
        correct += Number(predictedClass(logits, i, classes) === values.labels![i]);
      return correct;
    },
    ...(many && {
      right: (probabilities, { values, size }) => rightLabels(probabilities, 0.5, values.labels!, size),
    }),
    ...(!own && { ignored: IGNORED }),
  };
}

function ofNetwork(
  model: Network,
  options: TrainingPassOptions,
  loss: LossOf<Network> | undefined,
): Objective {
  const { labelSmoothing, classWeights, augment } = options;
  refuse(model, { labelSmoothing, classWeights, augment }, "are for classifiers of images (Model)");
  if (!loss) {
    throw new ShapeError(
      model.name,
      "a network with inputs by name needs a loss",
      "loss: (outputs, targets) => …",
    );
  }
  const inputs = specsOf(inputsOf(model));
  const targets = specsOf(model.targets ?? {});
  const part = (given: Named, of: Objective["inputs"]): Named =>
    Object.fromEntries(Object.keys(of).map((name) => [name, given[name]!]));
  return {
    network: model,
    inputs,
    targets,
    pass(mode, given) {
      const activations = Object.entries(part(given, inputs)).map(
        ([name, x]) => [name, asActivations(x)] as const,
      );
      const outputs = buildOutputs(model, Object.fromEntries(activations));
      if (mode === "predict") return { outputs };
      const inF32 = Object.entries(outputs).map(([name, y]) => [name, exact(y)] as const);
      const of = loss(Object.fromEntries(inF32), part(given, targets));
      return { loss: of, outputs: mode === "train" ? {} : outputs };
    },
    weightOf: ({ size }) => size,
  };
}

/**
 * Declares what an objective takes of `size` examples, and builds it. Throws ShapeError for a loss that no loss made, or
 * for an output of its name.
 */
export function buildPass(
  graph: Graph,
  objective: Objective,
  mode: Mode,
  size: number,
): ReturnType<Objective["pass"]> {
  const { network, inputs, targets, pass } = objective;
  const given = Object.entries({ ...inputs, ...(mode !== "predict" && targets) }).map(
    ([name, { shape, dtype }]) => [name, graph.input(name, [size, ...shape], dtype)] as const,
  );
  const { loss, outputs } = pass(mode, Object.fromEntries(given));
  if (mode === "predict") return { outputs };
  if ("loss" in outputs)
    throw new ShapeError(network.name, "no output may have the name of the loss", "loss");
  if (!loss || !graph.nodes.some((node) => node.outputs.loss === loss)) {
    const reason = "the loss must come from a loss, such as crossEntropy, mseLoss or sumLosses";
    throw new ShapeError(network.name, reason, loss ? describe(loss) : String(loss));
  }
  return { loss, outputs };
}

/** Throws ShapeError if one of these options is given. */
function refuse({ name }: AnyNetwork, options: Readonly<Record<string, unknown>>, why: string): void {
  const given = Object.keys(options).filter((key) => options[key] !== undefined);
  if (given.length > 0)
    throw new ShapeError(name, `${Object.keys(options).join(", ")} ${why}`, given.join(", "));
}

const specsOf = (specs: NonNullable<Network["targets"]>): Objective["inputs"] =>
  Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const { shape, dtype } = "shape" in spec ? spec : { shape: spec, dtype: "f32" as const };
      return [name, { shape, dtype }];
    }),
  );
