/** The sums over groups of channels: each by a workgroup, or by one invocation, without barriers. */

import type { Emitter } from "../../graph/op.ts";
import type { Tensor } from "../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { fold } from "../../kernel/grid.ts";
import {
  group_norm_backward_means_single,
  group_norm_backward_means_workgroup,
  group_norm_statistics_single,
  group_norm_statistics_workgroup,
} from "../../kernel/shaders.gen.ts";
import type { Tunable } from "../tunable.ts";

/** N images of PIXELS pixels of C channels in GROUPS groups, each of which is normalised on its own. */
export type Groups = Readonly<Record<"N" | "PIXELS" | "C" | "GROUPS", number>>;

type StatisticsArgs = [tensors: Readonly<Record<"x" | "moments", Tensor>>, eps: number];
type MeansArgs = [tensors: Readonly<Record<"x" | "dy" | "moments" | "weight" | "means", Tensor>>];

const always = (): boolean => true;

/** Invocations that keep a GPU busy, and vec4s that are too few for a workgroup to share. */
const [MANY, FEW] = [16384, 128];

/** Whether one invocation is to sum up a group. A CPU takes longer to compile barriers than all the rest. */
const bySingle = ({ N, PIXELS, C, GROUPS }: Groups, device: Capabilities): boolean =>
  isCpu(device) || (N * GROUPS >= MANY && (PIXELS * C) / GROUPS / 4 <= FEW);

/** Workgroups of 64 invocations, `each` of which a group has. */
const workgroupsOf = ({ N, GROUPS }: Groups, each: 1 | 64) => fold(Math.ceil((N * GROUPS * each) / 64));

function emitStatistics(
  kernel: typeof group_norm_statistics_workgroup | typeof group_norm_statistics_single,
  each: 1 | 64,
  emit: Emitter,
  groups: Groups,
  ...[tensors, EPS]: StatisticsArgs
): void {
  const { N, ...constants } = groups;
  const COUNT = N * groups.GROUPS;
  emit.dispatch(kernel, tensors, { ...constants, COUNT, EPS }, workgroupsOf(groups, each));
}

/** Mean and 1 / √(variance + eps) of each group. */
export const GROUP_STATISTICS: Tunable<Groups, StatisticsArgs> = {
  op: "group_norm",
  pass: "statistics",
  variants: [
    {
      ...{ name: "workgroup", error: 1, fits: always },
      emit: (...args) => emitStatistics(group_norm_statistics_workgroup, 64, ...args),
    },
    {
      ...{ name: "single", error: 1, fits: always },
      emit: (...args) => emitStatistics(group_norm_statistics_single, 1, ...args),
    },
  ],
  guess: (groups, device) => GROUP_STATISTICS.variants[bySingle(groups, device) ? 1 : 0]!,
  alone: ({ N, PIXELS, C, GROUPS }, dtype) => ({
    inputs: { x: { shape: [N, PIXELS, C], dtype } },
    outputs: { moments: { shape: [N * GROUPS, 4] } },
    products: (PIXELS * C) / GROUPS,
    args: ({ x, moments }) => [{ x: x!, moments: moments! }, 1e-5],
  }),
};

function emitMeans(
  kernel: typeof group_norm_backward_means_workgroup | typeof group_norm_backward_means_single,
  each: 1 | 64,
  emit: Emitter,
  groups: Groups,
  tensors: MeansArgs[0],
): void {
  const { N, ...constants } = groups;
  const COUNT = N * groups.GROUPS;
  emit.dispatch(kernel, tensors, { ...constants, COUNT }, workgroupsOf(groups, each));
}

/** Means that the gradient of x is without, of each group. */
export const GROUP_MEANS: Tunable<Groups, MeansArgs> = {
  op: "group_norm",
  pass: "grad_means",
  variants: [
    {
      ...{ name: "workgroup", error: 1, fits: always },
      emit: (...args) => emitMeans(group_norm_backward_means_workgroup, 64, ...args),
    },
    {
      ...{ name: "single", error: 1, fits: always },
      emit: (...args) => emitMeans(group_norm_backward_means_single, 1, ...args),
    },
  ],
  guess: (groups, device) => GROUP_MEANS.variants[bySingle(groups, device) ? 1 : 0]!,
  alone: ({ N, PIXELS, C, GROUPS }, dtype) => ({
    inputs: {
      ...{ x: { shape: [N, PIXELS, C], dtype }, dy: { shape: [N, PIXELS, C], dtype } },
      ...{ moments: { shape: [N * GROUPS, 4] }, weight: { shape: [C] } },
    },
    outputs: { means: { shape: [N * GROUPS, 4] } },
    products: (PIXELS * C) / GROUPS,
    args: ({ x, dy, moments, weight, means }) => [
      { x: x!, dy: dy!, moments: moments!, weight: weight!, means: means! },
    ],
  }),
};
