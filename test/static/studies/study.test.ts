import { describe, expect, it } from "vitest";
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
