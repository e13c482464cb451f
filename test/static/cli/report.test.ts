import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { parseTrainOptions } from "../../../src/cli/options.ts";
import { reportHtml } from "../../../src/cli/output/report.ts";
import type { Metrics } from "../../../src/cli/output/run-log.ts";
import { defaultSettings, type JobSettings } from "../../../src/job/settings.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft report's "));
afterAll(() => rmSync(scratch, { recursive: true }));

const steps = Array.from({ length: 400 }, (_, i) => ({
  step: i + 1,
  loss: 2 + Math.sin(i * i),
  accuracy: (i % 7) / 7,
  milliseconds: 10,
}));

const metrics: Metrics = {
  state: "done",
  settings: defaultSettings,
  adapter: "google swiftshader",
  browser: "Chrome/150.0, software GPU: google swiftshader",
  engine: "chrome",
  tune: "idle",
  version: "1.2.3",
  parameters: 326_346,
  dispatchesPerStep: 99,
  plan: { peakBytes: 2 ** 20, lowerBoundBytes: 2 ** 19, unsharedBytes: 2 ** 22, persistentBytes: 2 ** 21 },
  totalSteps: 750,
  medianStepMs: 10,
  testExamples: 21,
  classes: ["cat", "dog", "<owl>"],
  epochs: [],
  samples: [],
  steps,
};

/** The text of an element of the report, without markup. */
function textOf(html: string, id: string): string {
  const inside = new RegExp(`<(\\w+) id="${id}"[^>]*>(.*?)</\\1>`, "s").exec(html)?.[2];
  const entities: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return (inside ?? "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&(\w+);/g, (_, name) => entities[name]!)
    .replace(/\s+/g, " ")
    .trim();
}

describe("the smoothed curves of a report", () => {
  const smoothed = (count: number): Record<"loss" | "accuracy", number[]> => {
    const html = reportHtml({ ...metrics, steps: steps.slice(0, count) }, "");
    return JSON.parse(/id="smoothed">(.*)<\/script>/.exec(html)![1]!);
  };

  it("keep their past when the run goes on", () => {
    const whole = smoothed(400);
    for (const count of [1, 30, 199]) {
      expect(smoothed(count)).toEqual({
        loss: whole.loss.slice(0, count),
        accuracy: whole.accuracy.slice(0, count),
      });
    }
  });

  it("begin with the first value and stay near the mean", () => {
    const { loss } = smoothed(400);
    expect(loss[0]).toBeCloseTo(steps[0]!.loss, 10);
    for (const value of loss.slice(50)) expect(Math.abs(value - 2)).toBeLessThan(0.7);
  });
});

describe("the command in a report", () => {
  const weights = join(scratch, "a $HOME 'b'.safetensors");
  writeFileSync(weights, "");

  it.each<[string, Partial<JobSettings>, Partial<Metrics>]>([
    ["the default run", {}, {}],
    [
      "another browser and measured kernels",
      { seed: 4_294_967_295, lr: 1e-7 },
      { engine: "firefox", tune: "off" },
    ],
    [
      "pretrained and frozen",
      {
        topology: "features",
        backbone: "resnet20",
        weights: [weights],
        frozen: ["resnet.*", "conv1.weight"],
        cacheFeatures: true,
      },
      {},
    ],
    [
      "everything that saves memory",
      { microBatches: 4, recompute: true, precision: "mixed", testExamples: 20, imageSize: 32 },
      {},
    ],
    [
      "everything that is told on the way",
      { sampleEvery: 10, sampleExamples: 20, gradientNorms: true, updateRatios: true },
      {},
    ],
    ["a balanced part, augmented", { examples: undefined!, perClass: 10, augment: ["crop", "mixup"] }, {}],
  ])("repeats the run: %s", (_, change, machine) => {
    const settings = JSON.parse(JSON.stringify({ ...defaultSettings, ...change })) as JobSettings;
    const command = textOf(reportHtml({ ...metrics, ...machine, settings }, ""), "command");
    expect(command).toMatch(/^npm run train -- /);
    // As a shell takes it apart.
    const script = command.replace("npm run train --", "printf '%s\\0'");
    const args = execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
    const { engine = "chrome", tune = "idle" } = machine;
    expect(parseTrainOptions(args)).toMatchObject({ engine, tune, run: { settings } });
  });

  it("comes with the versions that it holds for", () => {
    expect(textOf(reportHtml(metrics, ""), "repeat")).toMatch(/Webgraft 1\.2\.3.*Chrome\/150\.0/);
  });
});

describe("the confusion matrix in a report", () => {
  const confusion = [
    [5, 2, 0],
    [0, 7, 0],
    [1, 3, 3],
  ];
  const html = reportHtml({ ...metrics, confusion }, "");

  it("has a row for each true class and a column for each predicted one", () => {
    const text = textOf(html, "confusion");
    expect(text).toMatch(/cat dog <owl>.*cat 5 ✓ 2 0 .*dog 0 7 ✓ 0 .*<owl> 1 3 3 ✓/);
    expect(html).not.toContain("<owl>");
  });

  it("names the pairs that are confused most, the most frequent first", () => {
    expect(textOf(html, "confused")).toBe(
      "Confused most: <owl> taken for dog, 3 times (43 % of its images); cat for dog, 2 times (29 %); " +
        "<owl> for cat, once (14 %).",
    );
    const right = [
      [7, 0, 0],
      [0, 7, 0],
      [0, 0, 7],
    ];
    expect(textOf(reportHtml({ ...metrics, confusion: right }, ""), "confused")).toBe(
      "No test image was taken for another class.",
    );
  });

  it("is not drawn before an evaluation, nor for more classes than can be read", () => {
    expect(textOf(reportHtml(metrics, ""), "confused")).toBe("Not evaluated yet.");
    const count = 100;
    const classes = Array.from({ length: count }, (_, i) => `class ${i}`);
    const large = classes.map((_, i) => classes.map((_, j) => Number(j === (i === 3 ? 4 : i))));
    const page = reportHtml({ ...metrics, classes, confusion: large }, "");
    expect(textOf(page, "confused")).toMatch(/class 3 taken for class 4, once \(100 % of its images\)\./);
    expect(page).not.toContain('id="confusion"');
  });

  it("leaves out shares of classes without images", () => {
    const text = textOf(
      reportHtml(
        {
          ...metrics,
          confusion: [
            [0, 0, 0],
            [0, 7, 0],
            [0, 7, 0],
          ],
        },
        "",
      ),
      "confusion",
    );
    expect(text).not.toMatch(/NaN|Infinity/);
  });
});
