import { DataError } from "../base/errors.ts";
import { studentT } from "./student.ts";

/** What the lanes of a race reached with one seed. */
export interface SeedResult {
  readonly seed: number;
  /** Test accuracy, 0…1, of each lane; null if the lane ended before, with a NonFiniteError. */
  readonly accuracies: readonly (number | null)[];
}

/** Test accuracies of each lane, by seed. */
export interface RaceResults {
  /** Names of the lanes, in the order of the accuracies. */
  readonly lanes: readonly string[];
  readonly seeds: readonly SeedResult[];
}

/**
 * `ahead`: the interval of the mean difference lies above 0. `no difference`: it includes 0, so that what difference
 * there is could be either way. `too early`: there is no interval, with one seed or with equal differences in all.
 */
export type Outcome = "ahead" | "no difference" | "too early";

/** Two lanes, compared by the differences of their test accuracies with the same seeds. */
export interface Comparison {
  /** The lane with the higher mean, and the other one; in the order of the lanes if the means are equal. */
  readonly lane: string;
  readonly other: string;
  readonly outcome: Outcome;
  /** Accuracy of `lane` less that of `other`, for each seed that both finished, in the order of the seeds. */
  readonly differences: readonly number[];
  /** Mean of the differences, 0 or more; null without any. */
  readonly mean: number | null;
  /** Student's 95 % interval of the mean, with one degree of freedom less than there are differences. */
  readonly interval: readonly [low: number, high: number] | null;
  /** Number of differences above 0. */
  readonly agree: number;
  /** `ahead by 3.1 points [1.2, 5.0], 5 of 5 seeds agree`, `no difference found: [−0.8, 1.1]`, `too early: 1 seed`. */
  readonly sentence: string;
}

/** What the seeds tell: a sentence, and each pair of lanes compared. */
export interface Verdict {
  /** Each pair of lanes: the first with the second, with the third, …, the second with the third, … */
  readonly comparisons: readonly Comparison[];
  /** Number of seeds that each lane did not finish. */
  readonly unfinished: readonly number[];
  /** All comparisons, and the lanes that did not finish. */
  readonly sentence: string;
}

/**
 * Compares the lanes of a race pair by pair: same seed, same order of the same images, so that what differs between two
 * lanes is the model, and what differs between seeds cancels. An interval holds for a number of seeds that was chosen
 * before; of twenty intervals for lanes that do not differ, one is expected to miss 0. Seeds that one of two lanes did
 * not finish are left out of their comparison, and the sentence counts them.
 *
 * Student, "The Probable Error of a Mean", 1908. Throws DataError for results that are none.
 */
export function verdict({ lanes, seeds }: RaceResults): Verdict {
  check(lanes, seeds);
  const comparisons = lanes.flatMap((_, i) =>
    lanes.slice(i + 1).map((_, j) => compare(lanes, seeds, i, i + 1 + j)),
  );
  const unfinished = lanes.map((_, i) => seeds.filter(({ accuracies }) => accuracies[i] === null).length);
  const sentence = [
    ...comparisons.map(({ lane, other, sentence }) => `${lane} against ${other}: ${sentence}`),
    ...lanes.flatMap((lane, i) =>
      unfinished[i] ? `${lane} did not finish ${unfinished[i]} of ${count(seeds.length)}` : [],
    ),
  ].join("; ");
  return { comparisons, unfinished, sentence };
}

/** Differences that vary less are equal but for the rounding of their accuracies. */
const ROUNDING = 1e-12;

function compare(lanes: readonly string[], seeds: readonly SeedResult[], i: number, j: number): Comparison {
  const pairs = seeds.flatMap(({ accuracies }) => {
    const [a, b] = [accuracies[i]!, accuracies[j]!];
    return a === null || b === null ? [] : [a - b];
  });
  const n = pairs.length;
  const signed = pairs.reduce((sum, value) => sum + value, 0) / n;
  const turned = signed < 0;
  const differences = turned ? pairs.map((value) => -value) : pairs;
  const names = turned ? { lane: lanes[j]!, other: lanes[i]! } : { lane: lanes[i]!, other: lanes[j]! };
  const agree = differences.filter((value) => value > 0).length;
  if (n < 2) {
    const mean = n === 0 ? null : Math.abs(signed);
    const sentence = `too early: ${count(n)}`;
    return { ...names, outcome: "too early", differences, mean, interval: null, agree, sentence };
  }
  const mean = Math.abs(signed);
  const deviation = Math.sqrt(differences.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1));
  const common = { ...names, differences, mean, agree };
  if (deviation < ROUNDING && mean > ROUNDING) {
    // The formula would give an interval without width, however few and coarse the accuracies are.
    const sentence = `too early: ${points(mean)} points in each of ${count(n)}, which tells nothing of their spread`;
    return { ...common, outcome: "too early", interval: null, sentence };
  }
  const margin = (studentT(0.95, n - 1) * deviation) / Math.sqrt(n);
  const interval = [mean - margin, mean + margin] as const;
  const range = `[${points(interval[0])}, ${points(interval[1])}]`;
  if (interval[0] <= 0) {
    return { ...common, outcome: "no difference", interval, sentence: `no difference found: ${range}` };
  }
  const sentence = `ahead by ${points(mean)} points ${range}, ${agree} of ${count(n)} agree`;
  return { ...common, outcome: "ahead", interval, sentence };
}

const count = (seeds: number): string => `${seeds} ${seeds === 1 ? "seed" : "seeds"}`;

/** A share in percentage points, to a tenth; to one digit if it would read as 0 and is not. */
function points(share: number): string {
  const value = 100 * share;
  const small = Math.abs(value) < 0.05 && Math.abs(share) > ROUNDING;
  const text = small ? Math.abs(value).toPrecision(1) : Math.abs(value).toFixed(1);
  return value < 0 && (small || text !== "0.0") ? `−${text}` : text;
}

function check(lanes: readonly string[], seeds: readonly SeedResult[]): void {
  if (lanes.length < 2) throw new DataError(`verdict: compares two lanes or more — got ${lanes.length}`);
  const names = seeds.map(({ seed }) => seed);
  const twice = names.find((seed, i) => names.indexOf(seed) !== i);
  if (twice !== undefined) {
    throw new DataError(
      `verdict: a seed counts once, its repetition is the same run — got seed ${twice} twice`,
    );
  }
  for (const { seed, accuracies } of seeds) {
    const bad = accuracies.find((value) => value !== null && !(value >= 0 && value <= 1));
    if (accuracies.length === lanes.length && bad === undefined) continue;
    throw new DataError(
      `verdict: expects ${lanes.length} accuracies of 0…1, or null where a lane did not finish — got ` +
        `${accuracies.join(", ")} for seed ${seed}`,
    );
  }
}
