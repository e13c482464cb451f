/** The parts of the bench that need no GPU; run.test.ts runs it. */
import { CommanderError } from "commander";
import { afterAll, describe, expect, test, vi } from "vitest";
import { resnet } from "webgraft";
import { CASES } from "./cases.ts";
import { GPUS } from "./model/gpus.ts";
import { modelSteps } from "./model/model.ts";
import { parseOptions } from "./options.ts";
import { kernelCases, sourcesOf } from "./page/kernel-cases.ts";
import { describeNetwork } from "./page/network.ts";
import { makeProblem } from "./page/problem.ts";
import { drawReport } from "./picture.ts";
import type { Report } from "./report.ts";
import { geometricMean, spread } from "./statistics.ts";
import { asMarkdown, asText, insertResults, tablesOf } from "./tables.ts";

const time = { medianMs: 10, quartilesMs: [9, 12] } as const;

const report: Report = {
  date: "2026-01-02T03:04:05.000Z",
  command: "npm run bench -- --only kernels",
  browser: "Chrome/1, software GPU: <a & b>",
  adapter: "a",
  versions: {},
  machine: { platform: "linux", cpu: "CPU", cores: 2, load: [0.25, 1.5] },
  ceilings: [
    { name: "outer product 4×4", unit: "GFLOPS", value: 8, ...time },
    { name: "copy", unit: "GB/s", value: 4, ...time },
  ],
  kernels: [
    {
      ...{ name: "conv2d forward", shape: "1×8×8×4 → 4, 3×3", networks: ["n"], launches: ["conv2d_forward"] },
      ...{ ...time, gflops: 4, shareOfCeiling: 0.5, ceiling: "outer product 4×4" },
    },
    {
      ...{ name: "conv2d forward", shape: "1×8×8×4 → 8, 3×3", networks: ["n"], launches: ["conv2d_forward"] },
      ...{ ...time, gflops: 1, shareOfCeiling: 0.125, ceiling: "outer product 4×4" },
    },
  ],
  peers: [
    {
      ...{ name: "interleaved-32", network: "interleaved", batch: 32, task: "training" },
      contestants: {
        webgraft: { name: "webgraft 1", ...time, firstMs: 20, gpuBytes: 2 ** 20 },
        jax: { name: "jax-js 1", medianMs: 25, quartilesMs: [20, 30], firstMs: 70, gpuBytes: 3 * 2 ** 20 },
        tfjs: { name: "TensorFlow.js 1", firstMs: 99, gpuBytes: 0 },
      },
    },
  ],
  host: { name: "resnet50", dispatches: 700, medianMs: 1.5, quartilesMs: [1, 2] },
  cold: [{ name: "webgraft 1", coldMs: 1000, warmMs: 500 }],
  sizes: [{ name: "webgraft", bytes: 204_800, gzipBytes: 40_960 }],
  failures: ["resnet50-inference: the page crashed"],
};

describe("options", () => {
  test("defaults, and what is given", () => {
    expect(parseOptions([])).toMatchObject({
      engine: "chrome",
      shapes: "quick",
      peers: ["jax", "tfjs", "ort"],
    });
    const args = "--only kernels vgg-training --engine firefox --peers none --steps 2".split(" ");
    const { only, engine, peers, steps } = parseOptions(args);
    expect({ only, engine, peers, steps }).toEqual({
      ...{ only: ["kernels", "vgg-training"], engine: "firefox", peers: [], steps: 2 },
    });
  });

  test.each([
    "--engine safari",
    "--engine deno --peers jax",
    "--engine node --only cold",
    "--gpu m2,voodoo",
    "--only everything",
    "--steps 0",
    "--steps two",
    "--peers torch",
  ])("%s is refused", (args) => {
    vi.spyOn(process.stderr, "write").mockReturnValue(true);
    expect(() => parseOptions(args.split(" "))).toThrow(CommanderError);
    vi.restoreAllMocks();
  });
});

test("a spread is median and quartiles", () => {
  expect(spread([5, 1, 3, 4, 2])).toEqual({ medianMs: 3, quartilesMs: [2, 4] });
  expect(spread([1, 2]).medianMs).toBe(1.5);
  expect(geometricMean([2, 8])).toBeCloseTo(4);
});

describe("writers", () => {
  test("tables", () => {
    const text = tablesOf(report).map(asText).join("\n\n");
    expect(text).toContain("Ceilings\n\nwhat               value    unit\nouter product 4×4   8.00  GFLOPS");
    // The geometric means of 4 and 1, and of 1/2 and 1/8.
    expect(text).toMatch(/conv2d forward +2 +2\.00 +25 %/);
    expect(text).toMatch(/jax-js 1 +25\.0 +20\.0–30\.0 +2\.50× +70\.0 +3\.00/);
    expect(text).toMatch(/TensorFlow\.js 1 +99\.0 +0\.00/);
    expect(text).toMatch(/webgraft +200 +40\.0/);
  });

  test("Markdown, put between the marks of a document", () => {
    const results = asMarkdown(report);
    expect(results).toContain("`npm run bench -- --only kernels`, 2026-01-02, Chrome/1");
    expect(results).toContain("load 0.3 before and 1.5 after");
    expect(results).toContain("Failed: resnet50-inference");
    expect(results).toContain("| webgraft 1 | 10.0 | 9.00–12.0 | 1.00× | 20.0 | 1.00 |");
    expect(results).not.toContain("1×8×8×4 → 4");
    const document = "a\n<!-- results -->\nold\n<!-- end of results -->\nb\n";
    const inserted = insertResults(document, results);
    expect(inserted).toBe(`a\n<!-- results -->\n\n${results}\n\n<!-- end of results -->\nb\n`);
    expect(insertResults(inserted, "new")).toBe(insertResults(document, "new"));
    expect(insertResults("", results)).toBe(`${results}\n`);
  });

  test("the picture has a bar for everything that was timed", () => {
    const svg = drawReport(report);
    expect(svg.match(/<rect (class|x)/g)).toHaveLength(2 + 2 + 2);
    expect(svg).toContain("&lt;a &amp; b>");
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe("networks as data", () => {
  test("each case can be described to its peers", () => {
    for (const { model } of Object.values(CASES)) expect(() => describeNetwork(model())).not.toThrow();
  });

  test("layers are linked by the values that they take", () => {
    const { layers } = describeNetwork(resnet(18));
    const given = new Set(["images"]);
    for (const layer of layers) {
      expect(given).toContain(layer.x);
      if (layer.op === "add") expect(given).toContain(layer.other);
      given.add(layer.y);
    }
    expect(layers.filter(({ op }) => op === "add")).toHaveLength(8);
    expect(layers[0]).toMatchObject({ op: "conv2d", weight: "conv1.weight", stride: 2, padding: 3 });
  });

  test("a problem has weights in PyTorch's shapes, the same each time", () => {
    const [one, two] = [makeProblem(CASES["vgg-training"]!), makeProblem(CASES["vgg-training"]!)];
    expect(one.weights.get("features.0.weight")!.shape).toEqual([32, 3, 3, 3]);
    expect(one.weights.get("features.0.weight")).toEqual(two.weights.get("features.0.weight"));
    expect(one.images).toHaveLength(16 * 32 * 32 * 3);
    expect(Math.max(...one.labels)).toBeLessThan(10);
  });
});

describe("the step model", () => {
  const [slow, fast] = [modelSteps(["rtx3060"]), modelSteps(["rtx4090"])];

  test("adds up what binds each launch", () => {
    for (const [i, { ms, bounds, kernels, launches }] of fast.entries()) {
      expect(bounds.arithmetic + bounds.bytes + bounds.launch).toBeCloseTo(ms);
      expect(kernels.reduce((sum, kernel) => sum + kernel.ms, 0)).toBeCloseTo(ms);
      expect(kernels.reduce((sum, kernel) => sum + kernel.launches, 0)).toBe(launches);
      // A GPU that has more of everything is faster, but not by more than it has more.
      const times = slow[i]!.ms / ms;
      expect(times).toBeGreaterThan(1);
      expect(times).toBeLessThan(GPUS.rtx4090!.teraflops / GPUS.rtx3060!.teraflops);
    }
  });

  test("is never shown as a measurement", () => {
    const tables = tablesOf({ ...report, model: fast }).filter(
      ({ title }) => !tablesOf(report).some((t) => t.title === title),
    );
    expect(tables).toHaveLength(2);
    for (const { title } of tables) expect(title).toMatch(/a model, not a measurement$/);
  });
});

test("kernels are measured once a shape, and as often as passes want a gradient", () => {
  const cases = kernelCases(sourcesOf("all", true), { mode: "train" });
  const keys = cases.map(({ name, shape }) => `${name} ${shape}`);
  expect(new Set(keys).size).toBe(keys.length);
  const stem = cases.filter(({ shape }) => shape === "1×224×224×3 → 64, 7×7, stride 2");
  // The gradient of the images is not needed.
  expect(stem.map(({ name }) => name)).toEqual(["conv2d forward", "conv2d grad weight"]);
  expect(stem[0]).toMatchObject({
    networks: ["resnet18", "resnet50"],
    flops: 2 * 112 * 112 * 64 * 7 * 7 * 3,
  });
  for (const { name, program } of cases.filter(({ shape }) => !/224|112/.test(shape))) {
    const { program: whole, measured } = program({ mode: "train" });
    expect(measured.length, name).toBeGreaterThan(0);
    expect(whole.dispatches).toEqual(expect.arrayContaining([...measured]));
  }
});

describe("memory", () => {
  class FakeBuffer {
    readonly size: number;
    constructor(size: number) {
      this.size = size;
    }
    destroy(): void {}
  }
  class FakeDevice {
    createBuffer({ size }: { size: number }): FakeBuffer {
      return new FakeBuffer(size);
    }
  }
  afterAll(() => vi.unstubAllGlobals());

  test("the peak is that of buffers alive at once, device by device", async () => {
    vi.stubGlobal("GPUDevice", FakeDevice);
    vi.stubGlobal("GPUBuffer", FakeBuffer);
    const { knownDevices, peakBytes } = await import("./page/memory.ts");
    const [one, two] = [new FakeDevice(), new FakeDevice()];
    const first = one.createBuffer({ size: 100 });
    first.destroy();
    first.destroy();
    one.createBuffer({ size: 60 });
    one.createBuffer({ size: 70 });
    two.createBuffer({ size: 5 });
    const devices = [...knownDevices()];
    expect(devices).toEqual([one, two]);
    expect(peakBytes(devices.slice(0, 1))).toBe(130);
    expect(peakBytes(devices)).toBe(135);
  });
});
