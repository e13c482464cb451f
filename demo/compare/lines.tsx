/** How the lines of the charts look: colour and mark say the run, the dashes say the network. */
import { computed, signal } from "@preact/signals";
import { laneNames } from "../runs/lane-names.ts";
import { palette } from "../runs/palette.ts";
import type { LaneKind } from "../runs/settings.ts";
import { lanesOf, titlesOf } from "./comparison.ts";
import { type Curve, curvesOf, type Measure, measures } from "./curves.ts";
import { chosen, records } from "./kept.ts";

/** Whether each seed has a line of its own; else there is one with their mean and range. */
export const apart = signal(false);

export const hiddenLanes = signal<ReadonlySet<LaneKind>>(new Set());

/** The networks of the chosen runs. */
export const lanes = computed(() => lanesOf(chosen.value.map(({ record }) => record)));

const shownLanes = computed(() => lanes.value.filter((lane) => !hiddenLanes.value.has(lane)));

export function showLane(lane: LaneKind, on: boolean): void {
  const hidden = new Set(hiddenLanes.value);
  if (on) hidden.delete(lane);
  else hidden.add(lane);
  hiddenLanes.value = hidden;
}

const curvesBy = (measure: Measure) =>
  computed(() => records.value.flatMap((run) => curvesOf(run, measure, shownLanes.value, apart.value)));

export const curves: Readonly<Record<Measure, { readonly value: readonly Curve[] }>> = {
  accuracy: curvesBy("accuracy"),
  loss: curvesBy("loss"),
};

/** Of the longest seed. */
export const lastStep = computed(() =>
  Math.max(
    1,
    ...measures.flatMap((measure) => curves[measure].value.map(({ points }) => points.at(-1)?.step ?? 1)),
  ),
);

const pointed = signal<number | undefined>(undefined);

/** The step of the cursor of both charts. */
export const cursor = computed(() => Math.min(pointed.value ?? lastStep.value, lastStep.value));

export function pointAt(step: number): void {
  pointed.value = Math.round(step);
}

const dashes: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [9, 3, 2, 3], [14, 4], [4, 2]];

export const dashOf = (lane: LaneKind): readonly number[] =>
  dashes[lanes.value.indexOf(lane) % dashes.length] ?? [];

const colourOf = (id: string): number => chosen.value.find(({ record }) => record.id === id)?.colour ?? 0;

/** The custom property that has the colour of a run. */
export const inkOf = (id: string): string => `--run-${colourOf(id)}`;

export const markOf = (id: string): string => palette[colourOf(id)]!.mark;

/** What the chosen runs are called. */
export const titles = computed(() => titlesOf(chosen.value.map(({ record }) => record)));

export const titleOf = (id: string): string =>
  titles.value[chosen.value.findIndex(({ record }) => record.id === id)] ?? "";

export interface LegendEntry {
  readonly id: string;
  readonly lane: LaneKind;
  /** The run and the network. */
  readonly text: string;
}

/** The lines that there are, whatever their seeds. */
export const legend = computed((): LegendEntry[] =>
  chosen.value.flatMap(({ record: { id, settings } }) =>
    settings.lanes
      .filter((lane) => shownLanes.value.includes(lane))
      .map((lane) => ({ id, lane, text: `${titleOf(id)} – ${laneNames[lane].name}` })),
  ),
);

/** The mark of a run. */
export function Mark({ colour }: { readonly colour: number }) {
  return (
    <svg class={`mark run-${colour}`} viewBox="-7 -7 14 14" width="14" height="14" aria-hidden="true">
      <path d={palette[colour]!.mark} fill="currentColor" />
    </svg>
  );
}

/** A piece of a line of the charts. */
export function Line({ id, lane }: LegendEntry) {
  return (
    <svg class={`line run-${colourOf(id)}`} viewBox="0 0 44 14" width="44" height="14" aria-hidden="true">
      <path
        d="M0 7H44"
        fill="none"
        stroke="currentColor"
        stroke-width="2"
        stroke-dasharray={dashOf(lane).join(" ")}
      />
      <path d={markOf(id)} fill="currentColor" transform="translate(22 7)" />
    </svg>
  );
}
