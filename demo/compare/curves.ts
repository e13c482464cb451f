/** The lines of the charts: a measure of a lane of a run by step, over all seeds or with each. */
import type { RunRecord, SeedLog } from "../runs/run.ts";
import type { LaneKind } from "../runs/settings.ts";

export const measures = ["accuracy", "loss"] as const;

/** Test accuracy on the sample, 0…1, or mean loss of a batch. */
export type Measure = (typeof measures)[number];

export interface Point {
  readonly step: number;
  readonly mean: number;
  /** Over the seeds. */
  readonly low: number;
  readonly high: number;
}

export interface Curve {
  /** Of the run. */
  readonly id: string;
  readonly lane: LaneKind;
  /** Undefined over all seeds. */
  readonly seed: number | undefined;
  readonly points: readonly Point[];
}

/** No screen shows more. */
const MOST_POINTS = 1_000;

/** The curves of a run's lanes: one for each lane, or for each lane and seed. */
export function curvesOf(
  { id, settings, seeds }: RunRecord,
  measure: Measure,
  lanes: readonly LaneKind[],
  apart: boolean,
): Curve[] {
  return settings.lanes.flatMap((lane, place) => {
    if (!lanes.includes(lane)) return [];
    const groups = apart ? seeds.map((seed) => [seed]) : [seeds];
    return groups.map((group) => ({
      id,
      lane,
      seed: apart ? group[0]!.seed : undefined,
      points: pointsOf(group, measure, place),
    }));
  });
}

function pointsOf(seeds: readonly SeedLog[], measure: Measure, lane: number): Point[] {
  const byStep = new Map<number, number[]>();
  for (const seed of seeds) {
    for (const [step, value] of valuesOf(seed, measure, lane)) {
      const values = byStep.get(step);
      if (values) values.push(value);
      else byStep.set(step, [value]);
    }
  }
  return [...byStep]
    .sort(([a], [b]) => a - b)
    .map(([step, values]) => ({
      step,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      low: Math.min(...values),
      high: Math.max(...values),
    }));
}

/** Steps that the lane finished, thinned where there are very many. */
function valuesOf(
  { steps, samples }: SeedLog,
  measure: Measure,
  lane: number,
): (readonly [step: number, value: number])[] {
  const all =
    measure === "loss"
      ? steps.map(({ step, losses }) => [step, losses[lane] ?? null] as const)
      : samples.map(({ step, accuracies }) => [step, accuracies[lane] ?? null] as const);
  const every = Math.ceil(all.length / MOST_POINTS);
  return all.flatMap(([step, value], i) =>
    value === null || (i % every !== 0 && i !== all.length - 1) ? [] : [[step, value] as const],
  );
}

/** The last point at a step or before it; undefined before the first. */
export const valueAt = ({ points }: Curve, step: number): Point | undefined =>
  points.findLast((point) => point.step <= step);

/** What is drawn of each curve, in this order; with one seed the mean is its value. */
export const partsOf = (apart: boolean): readonly ("mean" | "low" | "high")[] =>
  apart ? ["mean"] : ["mean", "low", "high"];

/** All curves by the same steps, as uPlot takes them: the steps, then the parts of each curve. */
export function aligned(curves: readonly Curve[], apart: boolean): [number[], ...(number | null)[][]] {
  const steps = [...new Set(curves.flatMap(({ points }) => points.map(({ step }) => step)))].sort(
    (a, b) => a - b,
  );
  const columns = curves.flatMap(({ points }) => {
    const byStep = new Map(points.map((point) => [point.step, point]));
    return partsOf(apart).map((part) => steps.map((step) => byStep.get(step)?.[part] ?? null));
  });
  return [steps, ...columns];
}
