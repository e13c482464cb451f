import { describe, expect, it } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { Tuning, taskKey } from "../../../src/gpu/tuning.ts";
import { agree } from "../../../src/run/tuner.ts";
import { smallTask } from "../../support/models/tuning.ts";

const forward = smallTask("forward");
const gradient = smallTask("grad_weight");

function measured(): Tuning {
  const tuning = new Tuning("an adapter");
  tuning.set(forward, { variant: "a", milliseconds: 2, gain: 1.5 });
  tuning.set(gradient, { variant: "b", milliseconds: 3, gain: 1 });
  tuning.fail(forward, "c");
  return tuning;
}

describe("a tuning table", () => {
  it("comes back from JSON as it was", () => {
    const json = JSON.parse(JSON.stringify(measured().export()));
    const tuning = new Tuning("an adapter");
    expect(tuning.import(json)).toBe(2);
    expect(tuning.export()).toEqual(json);
    expect(tuning.get(forward)?.variant).toBe("a");
    expect(tuning.allows(forward, "c")).toBe(false);
    expect(tuning.allows(gradient, "c")).toBe(true);
  });

  it("tells passes and shapes apart", () => {
    const { geometry } = forward;
    const others = (Object.keys(geometry) as (keyof typeof geometry)[]).map((letter) =>
      taskKey({ pass: "forward", geometry: { ...geometry, [letter]: 17 } }),
    );
    const keys = [taskKey(forward), taskKey(gradient), ...others];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("counts for its device only", () => {
    const tuning = new Tuning("another adapter");
    expect(tuning.import(measured().export())).toBe(0);
    expect(tuning.get(forward)).toBeUndefined();
    expect(tuning.allows(forward, "c")).toBe(true);
  });

  it("remembers what was tried when nothing more was heard", () => {
    const crashed = measured();
    crashed.trying(gradient, "d");
    const tuning = new Tuning("an adapter");
    tuning.import(crashed.export());
    expect(tuning.allows(gradient, "d")).toBe(false);
    // Also where an older table had it as the best.
    crashed.trying(gradient, "b");
    tuning.import(crashed.export());
    expect(tuning.get(gradient)).toBeUndefined();
  });

  it("is checked when it comes from outside", () => {
    const good = measured().export();
    const refuse = (table: unknown) => expect(() => new Tuning("an adapter").import(table));
    refuse(null).toThrow(new DataError("tuning table: it is no object"));
    refuse({ ...good, format: "other" }).toThrow("its format must be webgraft-tuning-1");
    refuse({ ...good, device: 1 }).toThrow(DataError);
    refuse({ ...good, tuned: [] }).toThrow("tuned is no object");
    refuse({ ...good, tuned: { task: { variant: 3, milliseconds: 1, gain: 1 } } }).toThrow("no text");
    refuse({ ...good, tuned: { task: { variant: "a", milliseconds: "1", gain: 1 } } }).toThrow(DataError);
    refuse({ ...good, failed: { task: "a" } }).toThrow("the failures of task are no texts");
    refuse({ ...good, trying: { task: "a" } }).toThrow("what was tried is no text");
  });
});

describe("results of two variants", () => {
  const result = (...values: number[]) => ({ y: Float32Array.from(values), error: 1 });

  it("agree within the errors that both are allowed", () => {
    // 45 products: 2 · 1e-6 · √45 · 4 = 5.4e-5.
    expect(agree(forward, result(1, -4), result(1 + 5e-5, -4))).toBe(true);
    expect(agree(forward, result(1, -4), result(1 + 6e-5, -4))).toBe(false);
    expect(agree(forward, result(1, -4), { ...result(1 + 6e-5, -4), error: 2 })).toBe(true);
  });

  it("do not agree where one is no number", () => {
    expect(agree(forward, result(1, 2), result(1, Number.NaN))).toBe(false);
    expect(agree(forward, result(1, Number.NaN), result(1, Number.NaN))).toBe(false);
  });
});
