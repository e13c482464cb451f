/** What a study found: for each depth and kind of network the mean, lowest and highest accuracy of its runs. */
import { nameOf } from "./plans.ts";
import { keyOf, type Run, type Setting } from "./setting.ts";

/** The runs of one depth and kind. Without runs there are no numbers. */
export interface Band {
  readonly depth: number;
  readonly shortcuts: Setting["shortcuts"];
  /** What people call a network with these shortcuts. */
  readonly name: string;
  /** Seeds of the runs that are recorded. */
  readonly seeds: readonly number[];
  /** Seeds that the plan has and no run yet. */
  readonly missing: readonly number[];
  /** Of each of these seeds, in their order: the share of the test images classified correctly. */
  readonly accuracies: readonly number[];
  readonly mean?: number;
  readonly lowest?: number;
  readonly highest?: number;
  /** Mean norms of the gradient for the first and the last convolution's weights before the first update. */
  readonly gradient?: { readonly first: number; readonly last: number };
}

export interface Bands {
  /** What all settings of the plan have in common. */
  readonly setting: Partial<Setting>;
  /** Dates of the first and the last run, ISO 8601. */
  readonly dates: readonly string[];
  readonly machines: readonly string[];
  readonly browsers: readonly string[];
  readonly adapters: readonly string[];
  readonly commits: readonly string[];
  readonly versions: readonly string[];
  /** In the plan's order: by depth, then by kind. */
  readonly cells: readonly Band[];
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const round = (value: number, digits: number): number => Number(value.toPrecision(digits));

/** The bands of the runs that belong to a plan's settings, of which a setting counts once: its first run. */
export function bandsOf(runs: readonly Run[], settings: readonly Setting[]): Bands {
  const found = settings.flatMap((s) => runs.find(({ setting }) => keyOf(setting) === keyOf(s)) ?? []);
  const { depth, shortcuts, seed, ...common } = settings[0]!;
  const all = (pick: (run: Run) => string): string[] => [...new Set(found.map(pick))].sort();
  const dates = all(({ date }) => date);
  const firsts = settings.filter((setting) => setting.seed === seed);
  return {
    setting: common,
    dates: dates.length ? [dates[0]!, dates.at(-1)!] : [],
    machines: all(({ machine }) => machine),
    browsers: all(({ browser }) => browser),
    adapters: all(({ adapter }) => adapter),
    commits: all(({ commit }) => commit),
    versions: all(({ version }) => version),
    cells: firsts.map((cell) => bandOf(cell, found, settings)),
  };
}

/** Of the runs that differ from a setting in their seed alone. */
function bandOf(of: Setting, all: readonly Run[], settings: readonly Setting[]): Band {
  const isHere = (setting: Setting): boolean => keyOf({ ...setting, seed: of.seed }) === keyOf(of);
  const runs = all.filter(({ setting }) => isHere(setting));
  const seeds = runs.map(({ setting }) => setting.seed);
  const planned = settings.filter(isHere).map(({ seed }) => seed);
  const { depth, shortcuts } = of;
  const missing = planned.filter((seed) => !seeds.includes(seed));
  const accuracies = runs.map(({ accuracy }) => accuracy);
  const cell = { depth, shortcuts, name: nameOf(shortcuts), seeds, missing, accuracies };
  if (runs.length === 0) return cell;
  return {
    ...cell,
    mean: round(mean(accuracies), 6),
    lowest: round(Math.min(...accuracies), 6),
    highest: round(Math.max(...accuracies), 6),
    gradient: {
      first: round(mean(runs.map(({ gradient }) => gradient.first)), 3),
      last: round(mean(runs.map(({ gradient }) => gradient.last)), 3),
    },
  };
}

export const percent = (share: number): string => (100 * share).toFixed(1);

/** `3`, or `2–3` where cells differ. */
export function seedCount({ cells }: Bands): string {
  const counts = cells.map(({ seeds }) => seeds.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  return least === most ? `${least}` : `${least}–${most}`;
}

/** How many of the plan's runs there are, in words. */
export function recorded({ cells }: Bands): string {
  const done = cells.reduce((sum, { seeds }) => sum + seeds.length, 0);
  const missing = cells.reduce((sum, cell) => sum + cell.missing.length, 0);
  return missing === 0 ? `all ${done} runs recorded` : `${done} of ${done + missing} runs recorded`;
}

/** What is different in these, each once and in their order. */
export const distinct = <K extends "depth" | "name">(cells: readonly Band[], key: K): Band[K][] => [
  ...new Set(cells.map((cell) => cell[key])),
];

/** What a plan still lacks, in words; nothing if it has all. */
export function missingOf({ cells }: Bands): string {
  const depths = distinct(cells, "depth").length;
  const inWords = (seed: number): string => {
    const lacking = cells.filter(({ missing }) => missing.includes(seed));
    if (lacking.length === cells.length) return "";
    const names = lacking.map(({ depth, name }) => (depths > 1 ? `${depth} layers ${name}` : name));
    return ` of ${names.join(", ")}`;
  };
  const seeds = [...new Set(cells.flatMap(({ missing }) => missing))].sort((a, b) => a - b);
  const each = [...new Set(seeds.map(inWords))].map((what) => {
    const same = seeds.filter((seed) => inWords(seed) === what);
    return `${same.length > 1 ? "seeds" : "seed"} ${same.join(", ")}${what}`;
  });
  return each.length === 0 ? "" : `; missing: ${each.join("; ")}`;
}
