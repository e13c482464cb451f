import { describe, expect, it } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { allOf, Tuning, taskKey } from "../../../src/gpu/tuning.ts";
import { MAX_POOL_FORWARD } from "../../../src/ops/pool/max-pool-passes.ts";
import { taskOf } from "../../../src/ops/tunable.ts";
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

  it("tells ops, passes, shapes and types apart", () => {
    const { key, ...rest } = forward;
    const others = Object.keys(key).map((letter) => taskKey({ ...rest, key: { ...key, [letter]: 17 } }));
    others.push(taskKey({ ...forward, op: "dense" }), taskKey({ ...forward, dtype: "f16" }));
    const keys = [taskKey(forward), taskKey(gradient), ...others];
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("counts for its device only", () => {
    const tuning = new Tuning("another adapter");
    expect(tuning.import(measured().export())).toBe(0);
    expect(tuning.get(forward)).toBeUndefined();
    expect(tuning.allows(forward, "c")).toBe(true);
  });

  it("bars what was tried when the page ended, the second time in a row", () => {
    const ended = measured();
    ended.trying(gradient, "b");
    // Perhaps someone has closed the page.
    const tuning = new Tuning("an adapter");
    tuning.import(ended.export());
    expect(tuning.allows(gradient, "b")).toBe(true);
    expect(tuning.get(gradient)?.variant).toBe("b");
    tuning.trying(gradient, "a");
    expect(tuning.export().trying).toEqual({ task: taskKey(gradient), variant: "a" });
    tuning.trying(gradient, "b");
    const again = JSON.parse(JSON.stringify(tuning.export()));
    expect(again.trying).toEqual({ task: taskKey(gradient), variant: "b", again: true });
    // Another trainer of this session loads what it has written.
    tuning.import(again);
    expect(tuning.allows(gradient, "b")).toBe(true);
    const third = new Tuning("an adapter");
    third.import(again);
    expect(third.allows(gradient, "b")).toBe(false);
    expect(third.get(gradient)).toBeUndefined();
    expect(third.allows(forward, "b")).toBe(true);
  });

  it("bars a variant from all tasks of a pass and type, and no other", () => {
    const tuning = measured();
    tuning.fail(allOf(forward), "a");
    const again = new Tuning("an adapter");
    again.import(JSON.parse(JSON.stringify(tuning.export())));
    for (const table of [tuning, again]) {
      expect(table.get(forward)).toBeUndefined();
      expect(Object.keys(table.choices())).toEqual([taskKey(gradient)]);
      expect(table.allows({ ...forward, key: { ...forward.key, N: 17 } }, "a")).toBe(false);
      expect(table.allows(forward, "b")).toBe(true);
      expect(table.allows(gradient, "a")).toBe(true);
      expect(table.allows({ ...forward, dtype: "f16" }, "a")).toBe(true);
    }
  });

  it("of an earlier version is refused, with what to do", () => {
    // As version 1 wrote it.
    const old = {
      format: "webgraft-tuning-1",
      device: measured().device,
      tuned: {
        "forward 2x6x6x5 3x3x5x7 4x4 stride 1x1 dilation 1x1 pad 0x0": {
          ...{ variant: "4x4_none_flat", milliseconds: 1, gain: 1 },
        },
      },
      failed: {},
    };
    const tuning = measured();
    const before = tuning.export();
    expect(() => tuning.import(old)).toThrow(DataError);
    expect(() => tuning.import(old)).toThrow(
      /the format webgraft-tuning-1 is of an earlier version .*measure again: tune\(/,
    );
    expect(tuning.export()).toEqual(before);
  });

  it("is checked when it comes from outside", () => {
    const good = measured().export();
    const refuse = (table: unknown) => expect(() => new Tuning("an adapter").import(table));
    refuse(null).toThrow(new DataError("tuning table: it must be an object — got null"));
    refuse({ ...good, format: "other" }).toThrow("format must be webgraft-tuning-2 — got");
    refuse({ ...good, device: 1 }).toThrow(DataError);
    refuse({ ...good, tuned: [] }).toThrow("tuned must be an object of ");
    refuse({ ...good, tuned: { task: { variant: 3, milliseconds: 1, gain: 1 } } }).toThrow(
      "tuned.task.variant must be text — got 3",
    );
    refuse({ ...good, tuned: { task: { variant: "a", milliseconds: "1", gain: 1 } } }).toThrow(DataError);
    refuse({ ...good, failed: { task: "a" } }).toThrow('failed.task must be a list of text — got "a"');
    refuse({ ...good, trying: { task: "a" } }).toThrow("trying.variant must be text — got nothing");
  });
});

describe("results of two variants", () => {
  const result = (...values: number[]) => ({ outputs: { y: Float32Array.from(values) }, error: 1 });

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

  it("agree in every output, whole numbers to the last", () => {
    const windows = {
      ...{ N: 1, C: 4, H: 2, W: 2, P: 1, Q: 1, KERNEL_H: 2, KERNEL_W: 2 },
      ...{ STRIDE_H: 2, STRIDE_W: 2, PAD_TOP: 0, PAD_LEFT: 0 },
    };
    const pooled = (y: number, index: number) => ({
      outputs: { y: Float32Array.of(y, 0, 0, 0), index: Uint32Array.of(index) },
      error: 1,
    });
    const task = taskOf(MAX_POOL_FORWARD, windows);
    expect(agree(task, pooled(1, 2 ** 31), pooled(1, 2 ** 31))).toBe(true);
    expect(agree(task, pooled(1, 2 ** 31), pooled(1, 2 ** 31 + 1))).toBe(false);
    expect(agree(task, pooled(1, 2 ** 31), pooled(1.1, 2 ** 31))).toBe(false);
  });
});
