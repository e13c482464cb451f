import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { figure } from "../../studies/figure/figure.ts";
import { nameOf, type PlanName, plans } from "../../studies/plans.ts";
import { parseRuns, RECORD, readRecord } from "../../studies/record.ts";
import { type Band, bandsOf, missingOf, recorded } from "../../studies/report.ts";
import { type Run, remaining } from "../../studies/setting.ts";
import { tableOf, withTable } from "../../studies/table.ts";

const settings = plans.race;
const WHOLE = { part: 1, of: 1 };
const lineOf = (i: number): string => JSON.stringify({ setting: settings[i], accuracy: 0.5 });

describe("study", () => {
  it("runs seed by seed, and shallow networks first", () => {
    expect(settings).toHaveLength(60);
    expect(settings.slice(0, 12).every(({ seed }) => seed === 1)).toBe(true);
    expect(settings.slice(0, 4).map(({ depth, shortcuts }) => `${depth} ${shortcuts}`)).toEqual([
      "8 none",
      "8 alternate",
      "8 all",
      "14 none",
    ]);
  });

  it("has each setting of a plan once, which differ in depth, shortcuts and seed alone", () => {
    for (const [name, plan] of Object.entries(plans)) {
      expect(new Set(plan.map((setting) => JSON.stringify(setting))).size, name).toBe(plan.length);
      const rest = plan.map(({ depth, shortcuts, seed, ...common }) => JSON.stringify(common));
      expect(new Set(rest).size, name).toBe(1);
    }
  });

  it("places the plain pairs of a graft as its name says, three stages of eight", () => {
    const plain = Object.fromEntries(
      plans.positions
        .filter(({ seed, shortcuts }) => seed === 1 && typeof shortcuts !== "string")
        .map(({ shortcuts }) => [
          nameOf(shortcuts),
          (shortcuts as boolean[]).flatMap((shortcut, pair) => (shortcut ? [] : [pair])),
        ]),
    );
    expect(plain).toEqual({
      "one in the middle plain": [12],
      "two stage starts plain": [8, 16],
      "every fourth plain": [3, 7, 11, 15, 19, 23],
      "every second plain": [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23],
      "first half plain": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
      "last half plain": [12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23],
    });
  });

  it("takes from one plan what another has run", () => {
    const runs = settings.map((setting) => ({ setting }));
    const left = remaining(plans.positions, WHOLE, runs);
    expect(left).toHaveLength(18);
    expect(left.every(({ shortcuts }) => Array.isArray(shortcuts) && shortcuts.length === 24)).toBe(true);
    const read = parseRuns(JSON.stringify({ setting: left[0] }), "positions.jsonl");
    expect(remaining(plans.positions, WHOLE, [...runs, ...read])).toEqual(left.slice(1));
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
      name: "plain ConvNet",
      seeds: [1, 2, 3],
      missing: [4, 5],
      accuracies: [0.5, 0.7, 0.9],
      mean: 0.7,
      lowest: 0.5,
      highest: 0.9,
      gradient: { first: 2.67, last: 0.5 },
    } satisfies Band);
    expect(bands.cells[2]).toEqual({
      depth: 8,
      shortcuts: "all",
      name: "ResNet",
      seeds: [],
      missing: [1, 2, 3, 4, 5],
      accuracies: [],
    });
    expect(bands).toMatchObject({ machines: ["2 × CPU"], commits: ["abc"], setting: { images: 1000 } });
    expect(bands.dates).toEqual(["2026-11-01T12:00:00.000Z", "2026-11-02T12:00:00.000Z"]);
  });

  it("counts a setting once, and none of another plan", () => {
    const other = { ...runOf(0, 0.1), setting: { ...settings[0]!, batchNorm: false } };
    expect(bandsOf([...runs, runOf(0, 0.1), other], settings)).toEqual(bands);
  });

  it("says what is missing", () => {
    const table = tableOf(bands).split("\n");
    const rest = " | not run yet | not run yet | not run yet";
    expect(table.slice(2, 5)).toEqual([
      `| plain ConvNet | 70.0 (50.0–90.0)${rest} | 2.67 ÷ 0.5${rest} |`,
      `| graft | 25.0 (one seed)${rest} | 2 ÷ 0.5${rest} |`,
      `| ResNet | not run yet${rest} | not run yet${rest} |`,
    ]);
    expect(missingOf(bands)).toMatch(/^; missing: seed 1 of 8 layers ResNet, 14 layers/);
    expect(missingOf(bands)).toMatch(/; seeds 4, 5$/);
    const whole = settings.map((_, i) => runOf(i, 0.5));
    const all = bandsOf(whole, settings);
    expect([recorded(bands), recorded(all), missingOf(all)]).toEqual([
      "4 of 60 runs recorded",
      "all 60 runs recorded",
      "",
    ]);
    const none = bandsOf([], settings);
    expect(tableOf(none)).toMatch(
      /0 of 60 runs recorded; missing: seeds 1, 2, 3, 4, 5\. .* mean of the seeds\.$/m,
    );
    expect(figure(none)).toContain("not run yet");
  });

  it("compares the networks of one depth by the seeds that both have", () => {
    const more = bandsOf([...runs, runOf(13, 0.35), runOf(25, 0.51), runOf(2, 0.9)], settings);
    const rest = " | not run yet | not run yet | not run yet |";
    // Differences 0.25, 0.35 and 0.39: mean 0.33, deviation 0.0721, t of two degrees of freedom 4.303.
    expect(tableOf(more).split("\n").slice(-3)).toEqual([
      `| plain ConvNet, graft | plain ConvNet ahead by 33.0 points [15.1, 50.9], 3 of 3 seeds agree${rest}`,
      `| plain ConvNet, ResNet | too early: 1 seed${rest}`,
      `| graft, ResNet | too early: 1 seed${rest}`,
    ]);
  });

  it("names each network in the figure, with its accuracy", () => {
    const svg = figure(bands);
    expect(svg).toMatch(/plain ConvNet<\/text>\n<text[^>]*>70.0 % at 8 layers/);
    expect(svg).toMatch(/graft<\/text>\n<text[^>]*>25.0 % at 8 layers/);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  it("draws the pairs of networks of one depth, and an arc for each shortcut", () => {
    const graft = plans.positions.find(({ shortcuts }) => nameOf(shortcuts) === "every fourth plain")!;
    const svg = figure(bandsOf([{ ...runOf(0, 0.64), setting: graft }], plans.positions));
    const [, row = ""] = svg.split("every fourth plain</text>\n");
    const [squares = "", arcs = "", , , label] = row.split("\n");
    expect([squares.match(/h7v7/g)?.length, arcs.match(/q/g)?.length]).toEqual([24, 18]);
    expect(label).toMatch(/64.0 %, n = 1<\/text>/);
    expect(svg.match(/not run yet<\/text>/g)).toHaveLength(8);
    expect(svg).not.toMatch(/NaN|undefined/);
  });

  it("replaces the table of a document, and nothing else", () => {
    expect(withTable("a\n<!-- race -->\nold\n<!-- /race -->\nb", "race", "new")).toBe(
      "a\n<!-- race -->\n\nnew\n\n<!-- /race -->\nb",
    );
    expect(() => withTable("a", "race", "new")).toThrow(/must have the line <!-- race --> once/);
  });
});

describe("the recorded studies", () => {
  const readme = readFileSync(`${RECORD}../README.md`, "utf8");
  const read = (name: string): string => readFileSync(`${RECORD}${name}`, "utf8");

  it.each(Object.keys(plans) as PlanName[])("%s: bands, figure and table were made of its lines", (plan) => {
    const bands = bandsOf(readRecord(), plans[plan]);
    expect(JSON.parse(read(`${plan}.json`))).toEqual(bands);
    expect(read(`${plan}.svg`)).toBe(figure(bands));
    expect(readme).toBe(withTable(readme, plan, tableOf(bands)));
  });
});
