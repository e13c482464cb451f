import { describe, expect, it } from "vitest";
import { DataError } from "webgraft";
import { readRun, readRunFile, writeRun } from "../../../demo/runs/file.ts";
import { madeRuns } from "../../demo/made-runs.ts";

const [run] = madeRuns;

/** The file of a run in which a value is not as it was written. */
function damaged(path: readonly (string | number)[], value: unknown): string {
  const file = JSON.parse(writeRun(run!));
  const parent = path.slice(0, -1).reduce((object, key) => object[key], file);
  parent[path.at(-1)!] = value;
  return JSON.stringify(file);
}

describe("the file of a run", () => {
  it.each(madeRuns)("gives back run $id", (each) => {
    expect(readRun(writeRun(each), "run.json")).toEqual(each);
  });

  it("gives back a race that has not ended", () => {
    const begun = {
      ...run!,
      seeds: [{ ...run!.seeds[0]!, result: undefined }],
      verdict: undefined,
      stopped: undefined,
    };
    expect(readRun(writeRun(begun), "run.json")).toEqual(begun);
  });

  it("gives back gradients that grew without bounds, and steps without any", () => {
    const path = ["seeds", 0, "steps", 0, "gradients"];
    const grown = [[Number.POSITIVE_INFINITY, 1], null, [2, 3]];
    expect(readRun(damaged(path, grown), "run.json").seeds[0]!.steps[0]!.gradients).toEqual(grown);
    expect(readRun(damaged(path, []), "run.json").seeds[0]!.steps[0]!.gradients).toEqual([]);
  });

  it("makes the verdict anew", () => {
    expect(readRun(damaged(["verdict"], { sentence: "graft wins" }), "run.json").verdict).toEqual(
      run!.verdict,
    );
  });

  it.each([
    ["another format", ["format"], "another", "format must be"],
    ["an unknown network", ["settings", "lanes", 0], "transformer", "settings.lanes.0 must be"],
    ["a depth that there is not", ["settings", "depth"], 9, "depth=9"],
    ["more images than there are", ["settings", "images"], 1e9, "images=1000000000"],
    ["a seed twice", ["seeds", 1, "seed"], 1, "seeds must be seeds that differ"],
    ["too few losses", ["seeds", 0, "steps", 1, "losses"], [1], "seeds.0.steps.1.losses must be"],
    [
      "an accuracy above 1",
      ["seeds", 0, "result", "accuracies", 0],
      61,
      "seeds.0.result.accuracies.0 must be",
    ],
    ["a loss as text", ["seeds", 0, "steps", 0, "losses", 0], "low", "seeds.0.steps.0.losses.0 must be"],
    ["a date that is none", ["date"], "yesterday", "date must be"],
    ["very long text", ["adapter"], "x".repeat(5_000), "adapter must be"],
    ["no steps", ["seeds", 0, "steps"], null, "seeds.0.steps must be Array, got null"],
  ])("refuses %s", (_, path, value, message) => {
    const read = () => readRun(damaged(path, value), "bad.json");
    expect(read).toThrow(DataError);
    expect(read).toThrow(message);
    expect(read).toThrow("bad.json");
  });

  it.each(["", "[]", "null", "{}", '{"format":"webgraft run 1"}', "<html>"])("refuses %j", (text) => {
    expect(() => readRun(text, "bad.json")).toThrow(DataError);
  });

  it("refuses a file of many megabytes unread", async () => {
    const file = { name: "big.json", size: 1e9, text: () => Promise.reject(new Error("was read")) };
    await expect(readRunFile(file as unknown as File)).rejects.toThrow(
      "big.json is larger than 200 MB — got 1000 MB",
    );
  });
});
