/** Finds where a model computes something else than the file's network with weights of the same shapes. */
import { isNode } from "../graph/op.ts";
import { inspect, type Model } from "../models/model.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import { conv2dOp } from "../ops/conv/conv2d.ts";
import { batchNormOp } from "../ops/norm/batch-norm.ts";
import { matchNames, type NameMap } from "../weights/names.ts";

/** A layer that computes something else in the model than in the file of its weights. */
export interface Difference {
  /** The layer's name in the model. */
  readonly name: string;
  /** `padding` counts the zeros at top, bottom, left and right. */
  readonly option: "stride" | "padding" | "dilation" | "groups" | "eps";
  readonly expected: readonly number[];
  readonly got: readonly number[];
}

type Options = Partial<Record<Difference["option"], readonly number[]>>;

/** The differences between the part of `model` under `prefix` and `theirs`, a file's model with the same weights. */
export function differences(model: Model, prefix: string, theirs: Model): Difference[] {
  const [here, there] = [optionsOf(model), optionsOf(theirs)];
  const wanted = [...here.keys()].filter((name) => name.startsWith(prefix));
  const { names } = matchNames([...there.keys()], new Set(wanted.map((name) => name.slice(prefix.length))));
  return wanted.flatMap((weight) => {
    const given = there.get(names.get(weight.slice(prefix.length)) ?? "") ?? {};
    const name = weight.slice(0, weight.lastIndexOf("."));
    return Object.entries(here.get(weight)!).flatMap(([key, expected]) => {
      const option = key as Difference["option"];
      const got = given[option];
      return !got || alike(expected, got) ? [] : [{ name, option, expected, got }];
    });
  });
}

/**
 * The batch norms of the part of `model` under `prefix` whose eps is not that of the library in which a file of weights, which
 * do not tell it, has these names.
 */
export function otherEps(model: Model, prefix: string, { names, eps }: NameMap): Difference[] {
  if (eps === undefined) return [];
  return [...optionsOf(model)].flatMap(([weight, { eps: expected }]) => {
    const isGiven = weight.startsWith(prefix) && names.has(weight.slice(prefix.length));
    if (!isGiven || !expected || alike(expected, [eps])) return [];
    const name = weight.slice(0, weight.lastIndexOf("."));
    return [{ name, option: "eps", expected, got: [eps] }];
  });
}

/** The options of convolutions and batch norms, by the names of their weights. */
function optionsOf(model: Model): Map<string, Options> {
  const all = new Map<string, Options>();
  for (const node of inspect(model).nodes) {
    if (isNode(node, conv2dOp)) {
      const { stride, padding, dilation, groups } = node.attrs;
      all.set(node.inputs.weight.name, { stride, padding, dilation, groups: [groups] });
    }
    if (isNode(node, batchNormOp)) all.set(node.inputs.weight.name, { eps: [node.attrs.eps] });
  }
  return all;
}

/** The preprocessing that a file's network expects, if the file says so and the model's differs. */
export function otherPreprocessing(model: Model, theirs: Model): Preprocessing | undefined {
  const { preprocessing: given } = theirs;
  const constants = ({ mode, mean, std }: Preprocessing): string => [mode, ...mean, ...std].join();
  const same = given && model.preprocessing && constants(given) === constants(model.preprocessing);
  return same ? undefined : given;
}

/** Whether numbers agree within a hundredth: Keras' eps of 1.001e-5 is as good as 1e-5. */
const alike = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= 0.01 * Math.abs(value));
