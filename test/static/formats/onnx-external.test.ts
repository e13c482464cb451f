/** Weights in a file beside the ONNX file, which is what PyTorch's exporter makes by default. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { runFiles } from "../../../src/cli/server/run-files.ts";
import { type LocalServer, serve } from "../../../src/cli/server/serve.ts";
import { exportOnnx } from "../../../src/formats/onnx/export.ts";
import { importOnnx } from "../../../src/formats/onnx/import.ts";
import { createModel } from "../../../src/models/index.ts";
import { loadPretrained } from "../../../src/transfer/pretrained.ts";
import { seededWeights } from "../../support/data/seeded.ts";
import { memoryTarget } from "../../support/data/weights.ts";
import { withExternalData } from "../../support/models/onnx-graph.ts";

const model = createModel("resnet18", { inputShape: [32, 32, 3], classes: 7, width: 4 });
const weights = seededWeights(model, 3);
const whole = exportOnnx(model, weights);
const DATA = "my model.onnx.data";
const { file, data } = withExternalData(whole, DATA);

let server: LocalServer;
const folder = mkdtempSync(join(tmpdir(), "webgraft-onnx-"));
beforeAll(async () => {
  writeFileSync(join(folder, "my model.onnx"), file);
  writeFileSync(join(folder, DATA), data);
  writeFileSync(join(folder, "other.data"), data);
  server = await serve([runFiles({ weights: [join(folder, "my model.onnx")] })]);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await server.close();
});

describe("external data", () => {
  it("are taken by name", () => {
    expect(importOnnx(file, { externalData: new Map([[DATA, data]]) }).weights).toEqual(weights);
  });

  it("are fetched beside the file, and nothing else is served", async () => {
    const seen: [number, number][] = [];
    const target = memoryTarget(model);
    const onProgress = (...now: [number, number]) => void seen.push(now);
    const report = await loadPretrained(target, `${server.url}weights/0/my%20model.onnx`, { onProgress });
    expect(report).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
    expect(seen.at(-1)).toEqual([file.length + data.length, file.length + data.length]);
    expect((await fetch(`${server.url}weights/0/other.data`)).status).toBe(404);
  });

  it("are taken from files that were chosen with it, whatever else was", async () => {
    const chosen = [
      new File([data.slice()], DATA),
      new File([file], "my model.onnx"),
      new File(["read me"], "README.md"),
    ];
    const report = await loadPretrained(memoryTarget(model), chosen);
    expect(report).toMatchObject({ missing: [], unexpected: [], mismatched: [] });
    expect(await loadPretrained(memoryTarget(model), [new File([whole], "a")])).toMatchObject(report);
    await expect(loadPretrained(memoryTarget(model), chosen.slice(1))).rejects.toThrow(
      "my model.onnx.data; give loadPretrained both files",
    );
    await expect(loadPretrained(memoryTarget(model), [chosen[0]!, chosen[2]!])).rejects.toThrow(
      "one must be the model, a .onnx or .json, and the others what it names — got my model.onnx.data, README.md",
    );
    await expect(loadPretrained(memoryTarget(model), [])).rejects.toThrow("got none");
  });

  it("that are not there are named, with what to do", async () => {
    const advice = /"conv1.weight" are in another file, my model.onnx.data; .*external_data=False/;
    expect(() => importOnnx(file)).toThrow(WeightsError);
    expect(() => importOnnx(file)).toThrow(advice);
    await expect(loadPretrained(memoryTarget(model), file)).rejects.toThrow(advice);
  });

  it("that are cut short are refused", () => {
    const short = new Map([[DATA, data.subarray(0, data.length - 4)]]);
    expect(() => importOnnx(file, { externalData: short })).toThrow(/my model.onnx.data, which has \d+/);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ["another folder", { location: "../secret" }, /in "..\/secret", which is not a file beside/],
    ["a folder", { location: "a\\b" }, /not a file beside/],
    ["an address", { location: "https://example.com/x" }, /not a file beside/],
    ["an escaped folder", { location: "..%2Fx" }, /not a file beside/],
    ["a hidden file", { location: ".env" }, /not a file beside/],
    ["no name", { location: "" }, /not a file beside/],
    ["a negative offset", { offset: "-4" }, /at offset "-4"/],
    ["an absurd length", { length: "1e400" }, /length "1e400"/],
    ["a place beyond the end", { offset: "99999999999" }, /are at bytes 99999999999–/],
    ["too few bytes", { length: "4" }, /has 4 bytes instead of/],
  ])("at %s are refused", (_, extra, message) => {
    const bad = withExternalData(whole, DATA, extra).file;
    const reading = () => importOnnx(bad, { externalData: new Map([[DATA, data]]) });
    expect(reading).toThrow(WeightsError);
    expect(reading).toThrow(message);
  });
});
