/** Known values are those of scipy 1.17.1: `stats.t.ppf(0.975, df)` and `stats.ttest_1samp(d, 0).confidence_interval()`. */
import { describe, expect, it } from "vitest";
import { DataError, type RaceResults, verdict } from "webgraft";
import { studentT } from "../../../src/race/student.ts";

const QUANTILES = [
  12.706205, 4.302653, 3.182446, 2.776445, 2.570582, 2.446912, 2.364624, 2.306004, 2.262157, 2.228139,
  2.200985, 2.178813, 2.160369, 2.144787, 2.13145, 2.119905, 2.109816, 2.100922, 2.093024, 2.085963, 2.079614,
  2.073873, 2.068658, 2.063899, 2.059539, 2.055529, 2.051831, 2.048407, 2.04523, 2.042272,
];

describe("Student's t", () => {
  it("has the quantiles of a table for 1 to 30 degrees of freedom", () => {
    for (const [i, value] of QUANTILES.entries()) expect(studentT(0.95, i + 1)).toBeCloseTo(value, 5);
  });

  it("comes near the normal distribution for very many", () => {
    expect(studentT(0.95, 1e5)).toBeCloseTo(1.959988, 5);
    expect(studentT(0.95, 1e6)).toBeCloseTo(1.959964, 5);
  });

  it("has other levels, too", () => {
    expect(studentT(0.5, 1)).toBeCloseTo(1, 12);
    expect(studentT(0.5, 2)).toBeCloseTo(Math.SQRT1_2 / Math.sqrt(0.75), 10);
    expect(studentT(0.99, 4)).toBeCloseTo(4.604095, 5);
  });
});

type Row = readonly (number | null)[];
/** Results of lanes a, b, c, …, each a row of accuracies by seed. */
const results = (...rows: readonly Row[]): RaceResults => ({
  lanes: rows.map((_, lane) => "abc"[lane]!),
  seeds: rows[0]!.map((_, seed) => ({ seed, accuracies: rows.map((row) => row[seed]!) })),
});

describe("verdict", () => {
  it("ahead: the interval lies above 0", () => {
    const given = results([0.612, 0.581, 0.627, 0.604, 0.633], [0.67, 0.665, 0.665, 0.668, 0.652]);
    const { comparisons, sentence, unfinished } = verdict(given);
    const [only] = comparisons;
    expect(only).toMatchObject({ lane: "b", other: "a", outcome: "ahead", agree: 5 });
    expect(only!.mean).toBeCloseTo(0.0526, 12);
    expect(only!.interval![0]).toBeCloseTo(0.0216379685, 9);
    expect(only!.interval![1]).toBeCloseTo(0.0835620315, 9);
    expect(only!.sentence).toBe("ahead by 5.3 points [2.2, 8.4], 5 of 5 seeds agree");
    expect(sentence).toBe("b against a: ahead by 5.3 points [2.2, 8.4], 5 of 5 seeds agree");
    expect(unfinished).toEqual([0, 0]);
  });

  it("no difference found: the interval includes 0", () => {
    const [only] = verdict(results([0.9, 0.912, 0.905], [0.903, 0.904, 0.918])).comparisons;
    expect(only).toMatchObject({ lane: "b", outcome: "no difference", agree: 2 });
    expect(only!.interval![0]).toBeCloseTo(-0.0234266351, 9);
    expect(only!.sentence).toBe("no difference found: [−2.3, 2.9]");
  });

  it("two seeds are few: 3 and 5 points may be no difference", () => {
    const [only] = verdict(results([0.83, 0.86], [0.8, 0.81])).comparisons;
    expect(only!.sentence).toBe("no difference found: [−8.7, 16.7]");
  });

  it("compares each pair of three lanes", () => {
    const { comparisons, sentence } = verdict(
      results([0.264, 0.23, 0.285], [0.922, 0.914, 0.929], [0.513, 0.255, 0.297]),
    );
    expect(comparisons.map(({ lane, other }) => lane + other)).toEqual(["ba", "ca", "bc"]);
    expect(sentence).toBe(
      "b against a: ahead by 66.2 points [61.2, 71.2], 3 of 3 seeds agree; " +
        "c against a: no difference found: [−23.6, 42.6]; " +
        "b against c: ahead by 56.7 points [22.6, 90.8], 3 of 3 seeds agree",
    );
  });

  it("a tie agrees with neither", () => {
    const given = results([0.8, 0.81, 0.82, 0.83, 0.84], [0.83, 0.84, 0.82, 0.86, 0.87]);
    expect(verdict(given).sentence).toBe("b against a: ahead by 2.4 points [0.7, 4.1], 4 of 5 seeds agree");
  });

  it("ties in all seeds are no difference", () => {
    const [only] = verdict(results([0.5, 0.75, 1], [0.5, 0.75, 1])).comparisons;
    expect(only).toMatchObject({ lane: "a", other: "b", mean: 0, interval: [0, 0], agree: 0 });
    expect(only!.sentence).toBe("no difference found: [0.0, 0.0]");
  });

  it("the same difference in all seeds, rounding aside, says nothing of the spread", () => {
    const [only] = verdict(results([0.9, 0.7, 0.4], [0.8, 0.6, 0.3])).comparisons;
    expect(only).toMatchObject({ lane: "a", outcome: "too early", interval: null, agree: 3 });
    expect(only!.sentence).toBe(
      "too early: 10.0 points in each of 3 seeds, which tells nothing of their spread",
    );
  });

  it("one seed, or none, is too early", () => {
    expect(verdict(results([0.5], [0.7])).comparisons).toMatchObject([
      { lane: "b", outcome: "too early", interval: null, agree: 1, sentence: "too early: 1 seed" },
    ]);
    expect(verdict({ lanes: ["a", "b"], seeds: [] }).comparisons).toMatchObject([
      { lane: "a", mean: null, differences: [], sentence: "too early: 0 seeds" },
    ]);
  });

  it("leaves out pairs that a lane did not finish, and says so", () => {
    const given = results([null, 0.612, 0.581, 0.627, 0.604, 0.633], [0.9, 0.67, 0.665, 0.665, 0.668, 0.652]);
    expect(verdict(given).sentence).toBe(
      "b against a: ahead by 5.3 points [2.2, 8.4], 5 of 5 seeds agree; a did not finish 1 of 6 seeds",
    );
    const never = verdict(results([null, null], [0.9, 0.8], [0.7, null]));
    expect(never.unfinished).toEqual([2, 0, 1]);
    expect(never.sentence).toBe(
      "a against b: too early: 0 seeds; a against c: too early: 0 seeds; b against c: too early: 1 seed; " +
        "a did not finish 2 of 2 seeds; c did not finish 1 of 2 seeds",
    );
  });

  it("does not round a bound to 0", () => {
    const [only] = verdict(results([0.5, 0.5], [0.5003, 0.50035])).comparisons;
    expect(only!.sentence).toBe("ahead by 0.03 points [0.0007, 0.1], 2 of 2 seeds agree");
    const [other] = verdict(results([0.5, 0.5], [0.5003, 0.50036])).comparisons;
    expect(other!.sentence).toBe("no difference found: [−0.005, 0.1]");
  });

  it("is plain data", () => {
    const given = verdict(results([0.5, null, 0.6], [0.7, 0.8, 0.9]));
    expect(JSON.parse(JSON.stringify(given))).toEqual(given);
  });

  it("refuses results that are none", () => {
    const seed = (seed: number, ...accuracies: number[]) => ({ seed, accuracies });
    const of = (...seeds: RaceResults["seeds"]) => verdict({ lanes: ["a", "b"], seeds });
    expect(() => verdict({ lanes: ["a"], seeds: [] })).toThrow("compares two lanes or more — got 1");
    expect(() => of(seed(1, 0.5, 0.6), seed(1, 0.5, 0.6))).toThrow("got seed 1 twice");
    for (const bad of [seed(1, 0.5), seed(1, 0.5, Number.NaN), seed(1, 50, 60), seed(1, 0.5, -0.1)]) {
      expect(() => of(bad)).toThrow(DataError);
    }
  });
});
