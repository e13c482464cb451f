/** What the first screen shows: the race that is open or was just run, or else the lanes of the next one. */
import { computed, signal } from "@preact/signals";
import { addressOf, settings } from "../app/address.ts";
import { isOpen, record, worker } from "../app/studio.ts";
import type { LaneModel, RunRecord } from "../runs/run.ts";

/** The race whose numbers are shown; none once something else is set up for the next one. */
export const shownRun = computed<RunRecord | undefined>(() => {
  const run = record.value;
  const same = run && addressOf("race", run.settings) === addressOf("race", settings.value);
  return isOpen.value || same ? run : undefined;
});

const drawn = signal<readonly LaneModel[]>([]);

export const shownLanes = computed<readonly LaneModel[]>(() => {
  const lanes = shownRun.value?.lanes ?? [];
  return lanes.length > 0 ? lanes : drawn.value;
});

/** Has the lanes of the settings drawn, in the worker. */
export async function drawLanes(): Promise<void> {
  const wanted = settings.value;
  const lanes = await worker().lanes(wanted);
  if (settings.peek() === wanted) drawn.value = lanes;
}

/** Of the lane with the highest mean test accuracy; the last one before there is any. */
export function bestLane({ lanes, seeds }: RunRecord): number {
  const means = lanes.map((_, lane) => meanAccuracy(seeds, lane) ?? -1);
  return means.lastIndexOf(Math.max(...means));
}

/** Over the seeds that are done; undefined before the first, and for a lane that finished none. */
export function meanAccuracy(seeds: RunRecord["seeds"], lane: number): number | undefined {
  const known = seeds.flatMap(({ result }) => result?.accuracies[lane] ?? []);
  return known.length > 0 ? known.reduce((sum, value) => sum + value, 0) / known.length : undefined;
}
