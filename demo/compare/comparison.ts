/** What the table of Compare says of the runs chosen: what differs between them, and how they ended. */
import { verdict } from "webgraft";
import { counted } from "../app/words.ts";
import { laneNames } from "../runs/lane-names.ts";
import { dateText, runTitle, settingText, settingWords } from "../runs/setting-names.ts";
import { type LaneKind, laneKinds, type RaceSettings, settingNames } from "../runs/settings.ts";
import type { RunHead } from "../runs/store.ts";

export interface Row {
  readonly name: string;
  /** For a lane's results, which lane. */
  readonly lane?: LaneKind;
  /** By run. */
  readonly cells: readonly string[];
}

/** The settings in which runs differ. */
export const differing = (runs: readonly RunHead[]): (keyof RaceSettings)[] =>
  settingNames.filter((name) => new Set(runs.map(({ settings }) => settingText(name, settings))).size > 1);

/** Each run by what differs between them, in short. Where that is not enough the date is added. */
export function titlesOf(runs: readonly RunHead[]): string[] {
  const telling = differing(runs).filter((name) => !["lanes", "seeds", "rates"].includes(name));
  const short = runs.map(({ settings }) =>
    telling.length > 0 ? telling.map((name) => settingText(name, settings)).join(" · ") : runTitle(settings),
  );
  return runs.map(({ date }, i) => {
    const title = short[i]!;
    return short.indexOf(title) === short.lastIndexOf(title) ? title : `${title}, ${dateText(date)}`;
  });
}

/** The networks that were in one of the races at least. */
export const lanesOf = (runs: readonly Pick<RunHead, "settings">[]): LaneKind[] =>
  laneKinds.filter((kind) => runs.some(({ settings }) => settings.lanes.includes(kind)));

export function comparisonOf(runs: readonly RunHead[]): Row[] {
  return [
    ...differing(runs).map((name) => ({
      name: settingWords[name].name,
      cells: runs.map(({ settings }) => settingText(name, settings)),
    })),
    ...lanesOf(runs).map((lane) => ({
      name: laneNames[lane].name,
      lane,
      cells: runs.map((run) => resultOf(run, lane)),
    })),
    { name: "Verdict", cells: runs.map(verdictOf) },
    { name: "GPU", cells: runs.map(({ adapter }) => adapter || "unknown") },
    { name: "Raced", cells: runs.map(({ date }) => dateText(date)) },
  ];
}

/** `81.7 % [76.4, 87.7]`: the mean test accuracy of a lane over seeds, and its 95 % interval. */
export function resultOf({ settings, seeds }: RunHead, lane: LaneKind): string {
  const place = settings.lanes.indexOf(lane);
  if (place < 0) return "not raced";
  const done = seeds.flatMap(({ result }) => (result ? [result] : []));
  const finished = done.flatMap(({ seed, accuracies }) => {
    const accuracy = accuracies[place] ?? null;
    // How far it lies above nothing: the mean and Student's interval of a difference serve for the value itself.
    return accuracy === null ? [] : [{ seed, accuracies: [accuracy, 0] }];
  });
  if (done.length === 0) return "no seed done";
  const lost = done.length - finished.length;
  const unfinished = lost > 0 ? `did not finish ${lost} of ${counted(done.length, "seed")}` : "";
  if (finished.length === 0) return unfinished;
  const { mean, interval } = verdict({ lanes: [lane, "nothing"], seeds: finished }).comparisons[0]!;
  // No accuracy lies outside of 0…1, so nothing of the interval that does is lost.
  const bounds = interval?.map((bound) => percent(Math.min(1, Math.max(0, bound))));
  const spread = bounds ? ` [${bounds.join(", ")}]` : "";
  const few = finished.length === 1 ? " (1 seed)" : "";
  return `${percent(mean!)} %${spread}${few}${unfinished && `, ${unfinished}`}`;
}

/** The verdict with the names that the page has for the lanes. */
export function verdictOf({ settings, seeds, stopped }: RunHead): string {
  const done = seeds.flatMap(({ result }) => result ?? []);
  const lanes = settings.lanes.map((kind) => laneNames[kind].name);
  const sentence = done.length > 0 ? verdict({ lanes, seeds: done }).sentence : "None, since no seed is done";
  const rest = done.length < settings.seeds;
  if (!rest) return `${sentence}.`;
  return `${sentence}; ${done.length} of ${counted(settings.seeds, "seed")}${stopped ? ", then stopped" : " so far"}.`;
}

export const percent = (share: number): string => (100 * share).toFixed(1);
