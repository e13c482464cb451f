import { describe, expect, it } from "vitest";
import { comparisonOf, differing, resultOf, titlesOf, verdictOf } from "../../../demo/compare/comparison.ts";
import { markdownOf } from "../../../demo/compare/exports.ts";
import { madeRun, madeRuns } from "../../demo/made-runs.ts";

const [a, b, c] = madeRuns as [(typeof madeRuns)[0], (typeof madeRuns)[0], (typeof madeRuns)[0]];

describe("a comparison of runs", () => {
  it("shows the settings that differ, and no others", () => {
    expect(differing([a, b])).toEqual(["depth"]);
    expect(differing([b, c])).toEqual(["batchNorm", "lanes", "seeds"]);
    expect(differing([a])).toEqual([]);
    expect(
      differing([a, { ...a, settings: { ...a.settings, rates: [{ seed: 1, step: 4, rate: 0.01 }] } }]),
    ).toEqual(["rates"]);
  });

  it("calls runs by what differs, and by their dates where that is not enough", () => {
    expect(titlesOf([a, b])).toEqual(["8\u00a0layers", "50\u00a0layers"]);
    expect(titlesOf([b, c])).toEqual(["with batch norm", "without batch norm"]);
    expect(titlesOf([a])).toEqual(["MNIST · 8\u00a0layers · 1,000\u00a0images"]);
    const [first, second] = titlesOf([a, { ...a, date: "2026-11-01T00:00:00.000Z" }]);
    expect(first).toMatch(/^MNIST · 8\u00a0layers · 1,000\u00a0images, .*2026/);
    expect(second).not.toBe(first);
  });

  it("has a row for each network that raced in one of them", () => {
    const rows = comparisonOf([a, c]);
    expect(rows.map(({ name }) => name)).toEqual([
      "Depth",
      "Batch norm",
      "Networks",
      "Seeds",
      "Plain",
      "Grafted",
      "Residual",
      "Verdict",
      "GPU",
      "Raced",
    ]);
    expect(rows[0]!.cells).toEqual(["8\u00a0layers", "50\u00a0layers"]);
    expect(rows[5]!.cells).toEqual(["60.3 % [55.2, 65.5]", "not raced"]);
  });

  it("gives the mean over seeds, and Student's interval", () => {
    // 0.61 ± 4.3027 · 0.01 / √3, with the quantile of Student's table for two degrees of freedom.
    expect(resultOf(a, "plain")).toBe("61.0 % [58.5, 63.5]");
    expect(resultOf(c, "residual")).toBe("91.0 % [78.3, 100.0]");
    expect(resultOf(c, "plain")).toBe("10.0 % (1 seed), did not finish 1 of 2\u00a0seeds");
    expect(resultOf(madeRun({ id: "d", accuracies: [[0.5, null, 0.5]] }), "graft")).toBe(
      "did not finish 1 of 1\u00a0seed",
    );
    expect(resultOf({ ...a, seeds: [] }, "plain")).toBe("no seed done");
  });

  it("calls the networks in the verdict as the page does", () => {
    expect(verdictOf(c)).toBe(
      "Residual against Plain: too early: 1 seed; Plain did not finish 1 of 2 seeds.",
    );
    const begun = { ...a, seeds: a.seeds.slice(0, 2), stopped: true };
    expect(verdictOf(begun)).toMatch(/^Plain against Grafted: .*; 2 of 3\u00a0seeds, then stopped\.$/);
    expect(verdictOf({ ...a, seeds: [], stopped: undefined })).toBe(
      "None, since no seed is done; 0 of 3\u00a0seeds so far.",
    );
  });

  it("is a Markdown table in which no text breaks out of its cell", () => {
    const rows = [{ name: "GPU", cells: ["a | b\nc", "<b>\\"] }];
    expect(markdownOf(["one", "two"], rows)).toBe(
      "|  | one | two |\n| --- | --- | --- |\n| GPU | a \\| b c | &lt;b>\\\\ |\n",
    );
  });
});
