import { describe, expect, it } from "vitest";
import { aligned, curvesOf, valueAt } from "../../../demo/compare/curves.ts";
import { csvOf } from "../../../demo/compare/exports.ts";
import type { RunRecord } from "../../../demo/runs/run.ts";
import { madeRun, madeRuns } from "../../demo/made-runs.ts";

const lanes = ["plain", "graft", "residual"] as const;

/** Two seeds of two steps, with losses and accuracies that can be read off. */
function smallRun(): RunRecord {
  const run = madeRun({
    id: "s",
    settings: { depth: 8, lanes: ["plain", "residual"] },
    accuracies: [
      [0, 0.75],
      [null, 0.5],
    ],
    steps: 2,
  });
  const seeds = run.seeds.map((seed, i) => ({
    ...seed,
    steps: seed.steps.map((at) => ({ ...at, losses: [i === 0 ? at.step : null, 10 * (i + 1) + at.step] })),
    samples: [{ step: 2, accuracies: [i === 0 ? 0.25 : null, 0.5 + 0.25 * i] }],
  }));
  return { ...run, seeds };
}

describe("CSV", () => {
  it("has a row for each run, lane, seed and step", () => {
    expect(csvOf([smallRun()])).toBe(
      [
        "run,started,settings,lane,seed,step,rate,loss,accuracy,test_accuracy,milliseconds",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,plain,1,1,0.003,1,,,40",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,plain,1,2,0.003,2,0.25,0,40",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,residual,1,1,0.003,11,,,40",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,residual,1,2,0.003,12,0.5,0.75,40",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,plain,2,1,0.003,,,,40",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,plain,2,2,0.003,,,,40",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,residual,2,1,0.003,21,,,40",
        "1,2026-11-26T12:00:00.000Z,depth=8&lanes=plain.residual&seeds=2,residual,2,2,0.003,22,0.75,0.5,40",
        "",
      ].join("\r\n"),
    );
  });

  it("numbers several runs", () => {
    const rows = csvOf(madeRuns).trim().split("\r\n");
    // 3 lanes × 3 seeds × 8 steps, twice, and 2 × 2 × 8.
    expect(rows).toHaveLength(1 + 72 + 72 + 32);
    expect(new Set(rows.slice(1).map((row) => row[0]))).toEqual(new Set(["1", "2", "3"]));
  });
});

describe("curves", () => {
  it("have mean and range over the seeds that a lane has come so far with", () => {
    const [plain, residual] = curvesOf(smallRun(), "loss", lanes, false);
    expect(plain!.points).toEqual([
      { step: 1, mean: 1, low: 1, high: 1 },
      { step: 2, mean: 2, low: 2, high: 2 },
    ]);
    expect(residual!.points[1]).toEqual({ step: 2, mean: 17, low: 12, high: 22 });
    expect(valueAt(residual!, 1.5)).toMatchObject({ step: 1 });
    expect(valueAt(residual!, 0)).toBeUndefined();
  });

  it("are one a seed where seeds stand apart, and only of the networks asked for", () => {
    const curves = curvesOf(smallRun(), "accuracy", ["residual"], true);
    expect(curves.map(({ lane, seed, points }) => [lane, seed, points.map(({ mean }) => mean)])).toEqual([
      ["residual", 1, [0.5]],
      ["residual", 2, [0.75]],
    ]);
  });

  it("keep at most a thousand points of a long race, and the last", () => {
    const long = madeRun({ id: "l", accuracies: [[0.5, 0.5, 0.5]], steps: 2_500 });
    const { points } = curvesOf(long, "loss", lanes, false)[0]!;
    expect(points.length).toBeLessThanOrEqual(1_001);
    expect(points.at(-1)!.step).toBe(2_500);
  });

  it("are aligned at all steps of all, as uPlot takes them", () => {
    const curves = curvesOf(smallRun(), "loss", ["residual"], false);
    const other = { ...curves[0]!, points: [{ step: 3, mean: 1, low: 0, high: 2 }] };
    expect(aligned([...curves, other], false)).toEqual([
      [1, 2, 3],
      [16, 17, null],
      [11, 12, null],
      [21, 22, null],
      [null, null, 1],
      [null, null, 0],
      [null, null, 2],
    ]);
    expect(aligned(curves, true)).toEqual([
      [1, 2],
      [16, 17],
    ]);
  });
});
