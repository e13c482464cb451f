import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Metrics } from "../../src/cli/output/run-log.ts";
import { train } from "../support/runner/command.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-train-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const metricsOf = (folder: string): Metrics =>
  JSON.parse(readFileSync(join(folder, "metrics.json"), "utf8")) as Metrics;

test("a run that was stopped and resumed ends as one that was not", async () => {
  // Few images, for the sake of adapters on which a step takes a second; the full test set is a run of minutes.
  const settings = "--examples 48 --batch 8 --epochs 2 --test-examples 16 --seed 7".split(" ");
  const whole = join(scratch, "whole");
  const halves = join(scratch, "halves");

  const uninterrupted = await train([...settings, "--out", whole]);
  expect(uninterrupted.code).toBe(0);
  expect(uninterrupted.lines[0]!.event).toBe("browser");
  expect(uninterrupted.lines.at(-1)).toMatchObject({ event: "done", steps: 12, testExamples: 16 });
  expect(uninterrupted.lines.filter(({ event }) => event === "step").length).toBe(12);
  expect(readdirSync(whole).sort()).toEqual([
    "checkpoint.safetensors",
    "metrics.json",
    "model.safetensors",
    "report.html",
  ]);

  const stopped = await train([...settings, "--out", halves], "step", "SIGTERM");
  expect(stopped.code).toBe(143);
  const { event, step, file } = stopped.lines.at(-1)!;
  expect(event).toBe("stopped");
  expect(step).toBeGreaterThan(0);
  expect(step).toBeLessThan(12);
  expect(readdirSync(halves).sort()).toEqual(["checkpoint.safetensors", "metrics.json", "report.html"]);
  expect(metricsOf(halves)).toMatchObject({ state: "stopped" });
  expect(metricsOf(halves).steps.length).toBe(step);

  const resumed = await train(["--resume", file as string]);
  expect(resumed.code).toBe(0);
  expect(resumed.lines.find((line) => line.event === "ready")).toMatchObject({ firstStep: Number(step) + 1 });
  const [one, two] = [metricsOf(whole), metricsOf(halves)];
  expect(two.steps.map((record) => [record.step, record.loss])).toEqual(
    one.steps.map((record) => [record.step, record.loss]),
  );
  expect(two.epochs).toEqual(one.epochs);
  expect(readFileSync(join(halves, "model.safetensors"))).toEqual(
    readFileSync(join(whole, "model.safetensors")),
  );
});

test.each([
  ["a closed terminal", "SIGHUP", 129],
  ["a reader of its output that leaves", "leave", 141],
] as const)("%s stops a run as Ctrl-C does", async (_, how, code) => {
  const out = join(scratch, how);
  const settings = "--topology convnet --image-size 8 --examples 48 --batch 4 --epochs 50 --test-examples 4";
  const stopped = await train([...settings.split(" "), "--out", out], "step", how);
  expect(stopped.code).toBe(code);
  expect(readdirSync(out).sort()).toEqual(["checkpoint.safetensors", "metrics.json", "report.html"]);
  expect(metricsOf(out)).toMatchObject({ state: "stopped" });
});

test("a plan is made on the GPU, and nothing is trained or written", async () => {
  const out = join(scratch, "plan");
  const { code, lines } = await train(["--topology", "convnet", "--plan", "--out", out]);
  expect(code).toBe(0);
  expect(lines.map(({ event }) => event).filter((event) => event !== "loading")).toEqual([
    "browser",
    "adapter",
    "ready",
    "plan",
  ]);
  expect(lines.at(-1)!.text).toMatch(/dispatches/);
  expect(existsSync(out)).toBe(false);
});
