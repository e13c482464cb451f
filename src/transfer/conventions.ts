/** Weights of one network in another whose shapes are the same, but not what is computed with them. */
import { isNode } from "../graph/op.ts";
import { inspect, type Model } from "../models/model.ts";
import type { Preprocessing } from "../models/preprocessing.ts";
import { conv2dOp } from "../ops/conv/conv2d.ts";
import { batchNormOp } from "../ops/norm/batch-norm.ts";
import { matchNames } from "../weights/names.ts";

/** A layer that computes something else here than in the file that its weights are from. */
export interface Difference {
  /** The layer, as the model calls it. */
  readonly name: string;
  /** `padding` is zeros at top, bottom, left and right. */
  readonly option: "stride" | "padding" | "dilation" | "groups" | "eps";
  readonly expected: readonly number[];
  readonly got: readonly number[];
}

type Options = Partial<Record<Difference["option"], readonly number[]>>;

/** What of `model`, in the part behind `prefix`, is computed otherwise in the model of a file with the same weights. */
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

/** What convolutions and batch norms do, by the names of their weights. */
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

/** What a file's network expects of images, where it says so and the model says otherwise. */
export function otherPreprocessing(model: Model, theirs: Model): Preprocessing | undefined {
  const { preprocessing: given } = theirs;
  const constants = ({ mode, mean, std }: Preprocessing): string => [mode, ...mean, ...std].join();
  const same = given && model.preprocessing && constants(given) === constants(model.preprocessing);
  return same ? undefined : given;
}

/** Within a hundredth: Keras' eps of 1.001e-5 is as good as 1e-5. */
const alike = (a: readonly number[], b: readonly number[]): boolean =>
  a.every((value, i) => Math.abs(value - b[i]!) <= 0.01 * Math.abs(value));
