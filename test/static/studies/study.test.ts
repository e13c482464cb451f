import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { figure } from "../../studies/figure.ts";
import { type Band, bandsOf, missingOf, recorded, tableOf, withTable } from "../../studies/report.ts";
import { DEPTHS, parseRuns, plans, type Run, remaining, SHORTCUTS } from "../../studies/setting.ts";

const settings = plans.race;
const WHOLE = { part: 1, of: 1 };
const lineOf = (i: number): string => JSON.stringify({ setting: settings[i], accuracy: 0.5 });

describe("study", () => {
  it("runs seed by seed, and shallow networks first", () => {
    const cells = DEPTHS.length * SHORTCUTS.length;
    expect(settings).toHaveLength(5 * cells);
    expect(settings.slice(0, cells).every(({ seed }) => seed === 1)).toBe(true);
    expect(settings.slice(0, 4).map(({ depth, shortcuts }) => `${depth} ${shortcuts}`)).toEqual([
      "8 none",
      "8 alternate",
      "8 all",
      "14 none",
    ]);
  });

  it("does not run again what a line is there for", () => {
    const runs = parseRuns(`${lineOf(0)}\n${lineOf(2)}\n`, "race.jsonl");
    expect(remaining(settings, WHOLE, runs)).toEqual([settings[1], ...settings.slice(3)]);
    expect(
      remaining(
        settings,
        WHOLE,
        settings.map((setting) => ({ setting })),
      ),
    ).toEqual([]);
  });

  it("tells settings apart whatever the order of their fields", () => {
    const reversed = Object.fromEntries(Object.entries(settings[0]!).reverse()) as unknown as Run["setting"];
    expect(remaining(settings, WHOLE, [{ setting: reversed }])).toEqual(settings.slice(1));
    const other = { ...settings[0]!, images: 300 };
    expect(remaining(settings, WHOLE, [{ setting: other }])).toEqual(settings);
  });

  it("names a line that was cut off", () => {
    const text = `${lineOf(0)}\n${lineOf(1).slice(0, 40)}`;
    expect(() => parseRuns(text, "race.jsonl")).toThrow(/line 2 of race\.jsonl is not JSON — remove it/);
  });

  it("splits into parts that have every setting once, whatever has been run", () => {
    const runs = [{ setting: settings[3]! }];
    const parts = Array.from({ length: 8 }, (_, i) => remaining(settings, { part: i + 1, of: 8 }, runs));
    expect(parts[3]).not.toContain(settings[3]);
    expect(new Set(parts.flat())).toEqual(new Set(settings.filter((_, i) => i !== 3)));
    expect(parts.flat()).toHaveLength(settings.length - 1);
  });
});

/** A run of the setting at this place in the plan. */
const runOf = (i: number, accuracy: number, gradient = { first: 2, last: 0.5 }): Run => ({
  setting: settings[i]!,
  accuracy,
  gradient,
  testLoss: 1,
  parameters: 10,
  steps: 128,
  loss: { first: 3, highest: 3, lastEpoch: 1 },
  seconds: 9,
  machine: "2 × CPU",
  browser: "Firefox 140",
  adapter: "llvmpipe",
  commit: "abc",
  version: "0.1.0",
  date: `2026-11-0${(i % 3) + 1}T12:00:00.000Z`,
});

describe("a study's report", () => {
  /** Three seeds of 8 layers plain, one of 8 layers graft. */
  const runs = [runOf(24, 0.9), runOf(0, 0.5, { first: 4, last: 0.5 }), runOf(12, 0.7), runOf(1, 0.25)];
  const bands = bandsOf(runs, settings);

  it("has mean, lowest and highest of each cell, and its seeds", () => {
    expect(bands.cells).toHaveLength(12);
    expect(bands.cells[0]).toEqual({
      depth: 8,
      shortcuts: "none",
      seeds: [1, 2, 3],
      missing: [4, 5],
      mean: 0.7,
      lowest: 0.5,
      highest: 0.9,
      gradient: { first: 2.67, last: 0.5 },
    } satisfies Band);
    expect(bands.cells[2]).toEqual({ depth: 8, shortcuts: "all", seeds: [], missing: [1, 2, 3, 4, 5] });
    expect(bands).toMatchObject({ machines: ["2 × CPU"], commits: ["abc"], setting: { images: 1000 } });
    expect(bands.dates).toEqual(["2026-11-01T12:00:00.000Z", "2026-11-02T12:00:00.000Z"]);
  });

  it("counts a setting once, and none of another plan", () => {
    const other = { ...runOf(0, 0.1), setting: { ...settings[0]!, batchNorm: false } };
    expect(bandsOf([...runs, runOf(0, 0.1), other], settings)).toEqual(bands);
  });

  it("says what is missing", () => {
    const table = tableOf(bands).split("\n");
    expect(table[2]).toBe(
      "| 8 | 70.0 (50.0–90.0) | 25.0 (one seed) | not run yet | 2.67 ÷ 0.5 | 2 ÷ 0.5 | not run yet |",
    );
    expect(table[3]).toMatch(/^\| 14( \| not run yet){6} \|$/);
    expect(missingOf(bands)).toMatch(/^; missing: seed 1 of 8 layers ResNet, 14 layers/);
    expect(missingOf(bands)).toMatch(/; seed 4; seed 5$/);
    const whole = settings.map((_, i) => runOf(i, 0.5));
    const all = bandsOf(whole, settings);
    expect([recorded(bands), recorded(all), missingOf(all)]).toEqual([
      "4 of 60 runs recorded",
      "all 60 runs recorded",
      "",
    ]);
    expect(figure(bandsOf([], settings))).toContain("not run yet");
  });

  it("names each network in the figure, with its accuracy", () => {
    const svg = figure(bands);
    expect(svg).toMatch(/plain ConvNet<\/text>\n<text[^>]*>70.0 % at 8 layers/);
    expect(svg).toMatch(/graft<\/text>\n<text[^>]*>25.0 % at 8 layers/);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  it("replaces the table of a document, and nothing else", () => {
    expect(withTable("a\n<!-- race -->\nold\n<!-- /race -->\nb", "race", "new")).toBe(
      "a\n<!-- race -->\n\nnew\n\n<!-- /race -->\nb",
    );
    expect(() => withTable("a", "race", "new")).toThrow(/must have the line <!-- race --> once/);
  });
});

describe("the recorded study", () => {
  const read = (name: string): string =>
    readFileSync(fileURLToPath(new URL(`../../studies/${name}`, import.meta.url)), "utf8");

  it("has bands, figure and table that were made from its lines", () => {
    const bands = bandsOf(parseRuns(read("recorded/race.jsonl"), "race.jsonl"), settings);
    expect(JSON.parse(read("recorded/race.json"))).toEqual(bands);
    expect(read("recorded/race.svg")).toBe(figure(bands));
    expect(read("README.md")).toBe(withTable(read("README.md"), "race", tableOf(bands)));
  });
});
