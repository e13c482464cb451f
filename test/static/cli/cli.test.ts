import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { WebgraftError, WeightsError } from "../../../src/base/errors.ts";
import { median } from "../../../src/base/numbers.ts";
import { openData } from "../../../src/cli/data/open-data.ts";
import type { Engine } from "../../../src/cli/engine/engines.ts";
import { writeTogether } from "../../../src/cli/files.ts";
import { checkEngine, parseTrainOptions } from "../../../src/cli/options.ts";
import { jsonLine } from "../../../src/cli/output/json-line.ts";
import { browserText, duration, LineReporter } from "../../../src/cli/output/progress.ts";
import { reportHtml } from "../../../src/cli/output/report.ts";
import { progressFiles, resultFiles } from "../../../src/cli/output/results.ts";
import { RunLog } from "../../../src/cli/output/run-log.ts";
import { RunFolder } from "../../../src/cli/run-folder.ts";
import { augmentationOf, augmentKinds } from "../../../src/job/augmentation.ts";
import {
  historyOf,
  kernelsOf,
  learningRateOf,
  metadataOf,
  settingsOf,
} from "../../../src/job/job-metadata.ts";
import type { JobEvent } from "../../../src/job/protocol.ts";
import { checkSettings, defaultSettings, type JobSettings, modelOf } from "../../../src/job/settings.ts";
import { decodeSafetensors, encodeSafetensors } from "../../../src/weights/safetensors.ts";

const scratch = mkdtempSync(join(tmpdir(), "webgraft-cli-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "run-"));
});

const settings: JobSettings = { ...defaultSettings, examples: 64, epochs: 2, batch: 32 };

const ready: JobEvent = {
  type: "ready",
  settings,
  classes: ["0", "1"],
  imageShape: [28, 28, 1],
  parameters: 326_346,
  layers: [],
  dispatchesPerStep: 99,
  plan: { peakBytes: 2 ** 20, lowerBoundBytes: 2 ** 19, unsharedBytes: 2 ** 22, persistentBytes: 2 ** 21 },
  planText: "dispatches 99",
  planPicture: "<svg></svg>",
  firstStep: 1,
  totalSteps: 4,
  learningRate: settings.lr,
  examples: 64,
  examplesPerEpoch: 64,
  testExamples: 10_000,
  history: { steps: [], epochs: [], samples: [] },
};

const step = (number: number, loss = 1 / number, milliseconds = 10 * number): JobEvent => ({
  type: "step",
  step: number,
  epoch: Math.ceil(number / 2),
  loss,
  accuracy: 0.5,
  learningRate: 0.1,
  examples: 32,
  milliseconds,
});

const epoch = (number: number): JobEvent => ({
  type: "epoch",
  epoch: number,
  testLoss: 0.5,
  testAccuracy: 0.9,
  confusion: [
    [5, 1],
    [0, 4],
  ],
});

function logOf(events: readonly JobEvent[]): RunLog {
  const log = new RunLog({ browser: "Chrome/1.0, software GPU: <none>", engine: "chrome", tune: "idle" });
  for (const event of events) log.add(event);
  return log;
}

const half: JobEvent[] = [{ type: "adapter", adapter: "test adapter" }, ready, step(1), step(2), epoch(1)];

/** A checkpoint as a job makes it, with one weight and its momentum. */
function checkpoint(more: Readonly<Record<string, string>> = {}): Uint8Array<ArrayBuffer> {
  const data = Float32Array.of(1, 2);
  return encodeSafetensors(
    new Map([
      ["fc.bias", { shape: [2], data }],
      ["optimizer.momentum.fc.bias", { shape: [2], data }],
    ]),
    { format: "webgraft", step: "2", epoch: "1", seed: "1", optimizer: "sgd", ...more },
  );
}

const metadata = metadataOf(settings, {
  steps: [{ step: 1, loss: 0.1 + 0.2, accuracy: 0.5, milliseconds: 3 }],
  epochs: [{ epoch: 1, testLoss: 0.5, testAccuracy: 0.9 }],
  samples: [],
});

test("without arguments all test images are evaluated", () => {
  const options = parseTrainOptions([]);
  expect(options).toEqual({
    engine: "chrome",
    tune: "idle",
    checkpointEvery: 60,
    force: false,
    json: false,
    plan: false,
    run: { settings: defaultSettings },
  });
  expect(defaultSettings.testExamples).toBeUndefined();
});

test("arguments become settings; the learning rate follows the optimizer unless given", () => {
  const { run, engine, tune, out } = parseTrainOptions(
    "--engine firefox --tune full --out x --data fashion --optimizer adamw --examples 64 --batch 8 --seed 0".split(
      " ",
    ),
  );
  expect({ engine, tune, out }).toEqual({ engine: "firefox", tune: "full", out: "x" });
  const changes = { data: "fashion", optimizer: "adamw", examples: 64, batch: 8, seed: 0, lr: 0.003 };
  expect(run).toEqual({ settings: { ...defaultSettings, ...changes } });
  expect(parseTrainOptions(["--lr", "1e-2"]).run).toMatchObject({ settings: { lr: 0.01 } });
  expect(parseTrainOptions(["--topology", "vgg"]).run).toMatchObject({ settings: { lr: 0.0003 } });
  const { examples: _, ...others } = defaultSettings;
  expect(parseTrainOptions("--per-class 10 --augment crop mixup".split(" ")).run).toEqual({
    settings: { ...others, perClass: 10, augment: ["crop", "mixup"] },
  });
  const cached = parseTrainOptions("--topology features --cache-features".split(" ")).run;
  expect(cached).toMatchObject({ settings: { cacheFeatures: true } });
  const lean = parseTrainOptions("--micro-batches 4 --recompute --precision mixed --plan".split(" "));
  expect(lean).toMatchObject({
    plan: true,
    run: { settings: { microBatches: 4, recompute: true, precision: "mixed" } },
  });
});

test.each([
  ["--topology nope", /'nope' is invalid. Allowed choices are .*interleaved/],
  ["--optimizer lion", /'lion' is invalid. Allowed choices are sgd, adam, adamw/],
  ["--engine safari", /'safari' is invalid. Allowed choices are chrome, firefox/],
  ["--examples many", /must be a positive whole number/],
  ["--epochs 0", /must be a positive whole number/],
  ["--batch 1.5", /must be a positive whole number/],
  ["--batch -4", /must be a positive whole number/],
  ["--batch ", /must be a positive whole number/],
  ["--lr 0", /must be a positive number/],
  ["--lr Infinity", /must be a positive number/],
  ["--width-mult 0", /must be a positive number/],
  ["--width-mult -1", /must be a positive number/],
  ["--width-mult wide", /must be a positive number/],
  ["--bn-eps 0", /must be a positive number/],
  ["--seed -1", /must be a whole number 0…4294967295/],
  ["--test-examples 0", /must be a positive whole number/],
  ["--sample-every 0.5", /must be a positive whole number/],
  ["--sample-examples 9", /got sampleExamples 9 without sampleEvery — give both, or neither/],
  ["--checkpoint-every 0", /must be a positive number/],
  ["--checkpoint-every Infinity", /must be a positive number/],
  ["--nonsense", /unknown option '--nonsense'/],
  ["mnist", /too many arguments/],
  ["--resume x --epochs 3", /'--epochs <n>' cannot be used with option '--resume <file>'/],
  ["--per-class 0", /must be a positive whole number/],
  ["--per-class 2 --examples 64", /'--per-class <n>' cannot be used with option '--examples <n>'/],
  ["--augment blur", /'blur' is invalid. Allowed choices are crop, flip, jitter, erase, mixup, cutmix/],
  ["--topology features --cache-features --augment flip", /got cacheFeatures with augment flip — drop one/],
  ["--batch 32 --micro-batches 5", /microBatches must divide batch — got batch 32, microBatches 5/],
  ["--batch 65 --examples 64", /got batch 65 of 64 images — take batch ≤ 64/],
])("refuses %s", (args, message) => {
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  try {
    expect(() => parseTrainOptions(args.split(" "))).toThrow(message);
  } finally {
    stderr.mockRestore();
  }
});

test.each([
  [null, /topology must be sequential, .* or squeezenet — got nothing/],
  [{ ...settings, topology: "nope" }, /topology must be .* — got "nope"/],
  [{ ...settings, data: "cifar" }, /data must be mnist, fashion or the path of a folder, .* — got "cifar"/],
  [{ ...settings, topology: "vgg", backbone: "vgg99" }, /backbone must be .* — got "vgg99"/],
  [{ ...settings, backbone: "resnet18" }, /got backbone resnet18, but interleaved has none/],
  [{ ...settings, widthMult: 0.5 }, /got widthMult 0.5, but interleaved does not take it — choose backbone/],
  [{ ...settings, topology: "features", widthMult: 0.5 }, /got widthMult 0.5, but features does not/],
  [{ ...settings, topology: "resnet", backbone: "resnet18", bnEps: 0.1 }, /got bnEps 0.1, but resnet18/],
  [{ ...settings, depth: 14 }, /got depth 14, but interleaved does not take it — choose stacked/],
  [{ ...settings, shortcuts: "none" }, /got shortcuts none, but interleaved does not take it/],
  [{ ...settings, topology: "stacked", shortcuts: "some" }, /shortcuts must be all, alternate or none/],
  [{ ...settings, frozen: "*" }, /frozen must be a list of non-empty text — got "\*"/],
  [{ ...settings, weights: [""] }, /weights\[0\] must be non-empty text — got ""/],
  [{ ...settings, partialWeights: true }, /got partialWeights without weights/],
  [{ ...settings, perClass: 5 }, /got examples 64 and perClass 5 — give only one/],
  [{ ...settings, augment: "flip" }, /augment must be a list of crop, .* — got "flip"/],
  [{ ...settings, augment: ["flip", "blur"] }, /augment\[1\] must be crop, .* or cutmix — got "blur"/],
  [{ ...settings, cacheFeatures: 1 }, /cacheFeatures must be true or false — got 1/],
  [
    { ...settings, cacheFeatures: true, augment: ["crop"] },
    /drop one, since .* different features each time/,
  ],
  [{ ...settings, imageSize: 1.5 }, /imageSize must be a positive whole number — got 1.5/],
  [{ ...settings, batch: "32" }, /batch must be a positive whole number — got "32"/],
  [{ ...settings, lr: Number.NaN }, /lr must be a positive number/],
  [{ ...settings, seed: 2 ** 32 }, /seed must be a whole number 0…4294967295/],
  [{ ...settings, testExamples: -1 }, /testExamples must be a positive whole number/],
  [{ ...settings, sampleEvery: 0 }, /sampleEvery must be a positive whole number — got 0/],
  [{ ...settings, sampleExamples: 9 }, /got sampleExamples 9 without sampleEvery/],
  [{ ...settings, updateRatios: 1 }, /updateRatios must be true or false — got 1/],
])("settings from outside are checked: %#", (given, message) => {
  expect(() => checkSettings(given)).toThrow(WebgraftError);
  expect(() => checkSettings(given)).toThrow(message);
});

test.each([
  ["--per-class 5422", /got perClass 5422, but class 5 has 5421 examples — take perClass ≤ 5421/],
  ["--per-class 1", /got batch 16 of 10 images — take batch ≤ 10/],
  ["--topology vgg --backbone vgg16", /need images of at least 32×32 .*; --image-size 32 fits$/],
  ["--topology stacked --depth 50 --shortcuts none --image-size 32 --per-class 1", /got batch 16 of 10/],
  ["--topology stacked --depth 10", /^stacked: depth must be 6n \+ 2: 8, 14, 20, 26, …, 1202 — 10$/],
  ["--topology fusion --image-size 30", /must be multiples of 4, .*; --image-size 32 fits$/],
  [
    "--topology resnet --cache-features",
    /only the features of a frozen first part .* — .*conv1\.weight trains$/,
  ],
])("refuses %s before a browser starts", (args, message) => {
  const { run } = parseTrainOptions(args.split(" "));
  expect(() => "settings" in run && openData(run.settings)).toThrow(message);
});

test("an engine without a page refuses a folder of images, which it cannot decode", () => {
  const of = (data: string, engine: Engine) => () => checkEngine(engine, { ...settings, data });
  expect(of("./pets", "node")).toThrow(/cannot decode the images of a folder — got \.\/pets; take --engine/);
  expect(of("./pets", "firefox")).not.toThrow();
  expect(of("mnist", "deno")).not.toThrow();
});

const grey = { shape: [28, 28, 1], classes: [..."0123456789"] } as const;

test("a MobileNet has the width and the eps that are given, in any topology", () => {
  const modelFor = (args: string) => {
    const { run } = parseTrainOptions(args.split(" "));
    return modelOf((run as { settings: JobSettings }).settings, { ...grey, shape: [64, 64, 3] });
  };
  const narrow = { widthMult: 0.5, norm: { eps: 1e-5, momentum: 0.1 } };
  const whole = modelFor("--topology mobilenet --width-mult 0.5");
  expect([whole.name, whole.options]).toMatchObject(["mobilenet_v2", narrow]);
  const { options } = modelFor("--topology features --backbone mobilenet_v3_small --bn-eps 1e-5");
  const small = { name: "mobilenet_v3_small", widthMult: 1, norm: { eps: 1e-5, momentum: 0.01 } };
  expect(options).toMatchObject({ backbone: small });
});

test("a frozen first part is needed where features are to be cached", () => {
  const of = (change: Partial<JobSettings>) => modelOf({ ...settings, cacheFeatures: true, ...change }, grey);
  expect(of({ topology: "features" }).name).toBe("features");
  expect(of({ topology: "resnet", frozen: ["conv1.*", "bn1.*"] }).name).toBe("resnet20");
  for (const change of [{}, { topology: "resnet", frozen: ["layer1.*"] } as const]) {
    expect(() => of(change)).toThrow(
      /only the features of a frozen first part can be cached; freeze it — .*conv1\.weight trains/,
    );
  }
});

test.each([
  [28, 4],
  [32, 4],
  [224, 28],
  [3, 1],
])("augmentation fits images of %i pixels", (size, crop) => {
  const normalize = { mean: [0.1], std: [0.3] };
  const data = { shape: [size, size, 1], normalize } as const;
  expect(augmentationOf(["crop", "erase"], data)).toEqual({ crop, erase: 0.25, normalize });
  const all = augmentationOf(augmentKinds, data);
  expect(Object.keys(all).sort()).toEqual(
    "brightness contrast crop cutmix erase flip mixup normalize saturation".split(" "),
  );
});

test("a checkpoint gives back settings and history exactly", () => {
  const file = checkpoint(metadata);
  expect(settingsOf(file, "file")).toEqual(settings);
  expect(historyOf(file, "file").steps[0]!.loss).toBe(0.1 + 0.2);
});

test.each([
  [checkpoint(), /file: has no settings in its metadata/],
  [checkpoint({ settings: "{" }), /file: the settings in its metadata is not JSON/],
  [checkpoint({ settings: "{}" }), /file: settings: topology must be/],
  [checkpoint({ ...metadata, format: "pt" }), /file: is not a checkpoint of this library/],
  [checkpoint(metadata).slice(0, 100), /file: .*cut short/],
  [new TextEncoder().encode("something else entirely"), /file: not a safetensors file/],
  [new Uint8Array(), /file/],
])("a file that is no checkpoint is refused: %#", (file, message) => {
  expect(() => settingsOf(file, "file")).toThrow(WeightsError);
  expect(() => settingsOf(file, "file")).toThrow(message);
});

test.each([
  ["1", /history in its metadata: it must be an object with steps, epochs, samples, confusion — got 1/],
  ['{"steps":[],"epochs":{}}', /epochs must be a list of .* — got an object/],
  ['{"steps":[],"epochs":[],"samples":[{"step":1}]}', /samples\[0\]\.loss must be a finite number/],
  [
    '{"steps":[],"epochs":[],"confusion":[[1,-1]]}',
    /confusion\[0\]\[1\] must be a whole number, not negative/,
  ],
  ['{"steps":[{"step":1}],"epochs":[]}', /steps\[0\]\.loss must be a finite number — got nothing/],
])("a malformed history is refused: %s", (history, message) => {
  const read = () => historyOf(checkpoint({ ...metadata, history }), "file");
  expect(read).toThrow(WeightsError);
  expect(read).toThrow(message);
});

test("a checkpoint of an earlier version has no samples, no confusion matrix and no rate of its own", () => {
  const file = checkpoint({ ...metadata, history: '{"steps":[],"epochs":[]}' });
  expect(historyOf(file, "file")).toEqual({ steps: [], epochs: [], samples: [] });
  expect(learningRateOf(file, "file")).toBeUndefined();
});

test("what an emulated GPU is for is said beside its name, and nothing of a real one", () => {
  expect(browserText("Chrome/1.0, hardware GPU: a card", "hardware")).toBe(
    "Chrome/1.0, hardware GPU: a card",
  );
  const [name, text] = browserText("Chrome/1.0, software GPU: llvmpipe", "software").split("\n");
  expect(name).toBe("Chrome/1.0, software GPU: llvmpipe");
  expect(text).toMatch(/emulated by the CPU is for tests: on this CPU a native library/);
});

test("the kernels in a checkpoint are those of its device", () => {
  const kernels = { "dense forward N=1": "a variant" };
  const given = metadataOf(settings, historyOf(checkpoint(metadata), "file"), undefined, {
    device: "a GPU",
    kernels,
  });
  expect(kernelsOf(checkpoint(given), "a GPU", "file")).toEqual(kernels);
  expect(kernelsOf(checkpoint(given), "another GPU", "file")).toBeUndefined();
  expect(kernelsOf(checkpoint(metadata), "a GPU", "file")).toBeUndefined();
  const read = () => kernelsOf(checkpoint({ ...metadata, kernels: '{"device":1}' }), "a GPU", "file");
  expect(read).toThrow(/^file: the kernels in its metadata/);
});

test.each(["-1", "null", '"0.1"', "{"])(
  "a learning rate of %s in a checkpoint is refused",
  (learningRate) => {
    const read = () => learningRateOf(checkpoint({ ...metadata, learningRate }), "file");
    expect(read).toThrow(WeightsError);
    expect(read).toThrow(/^file: the learningRate in its metadata/);
  },
);

test("the log makes metrics of events", () => {
  expect(logOf([]).metrics()).toBeUndefined();
  const log = logOf([...half, step(3), step(4)]);
  expect(log.metrics()).toMatchObject({
    state: "running",
    settings,
    adapter: "test adapter",
    medianStepMs: 25,
    dispatchesPerStep: 99,
    plan: { peakBytes: 2 ** 20, lowerBoundBytes: 2 ** 19, unsharedBytes: 2 ** 22 },
    epochs: [{ epoch: 1, testLoss: 0.5, testAccuracy: 0.9 }],
    testAccuracy: 0.9,
  });
  expect(log.metrics()!.steps.map(({ step, loss }) => [step, loss])).toEqual(
    [1, 2, 3, 4].map((number) => [number, 1 / number]),
  );
  log.add({ type: "stopped", step: 4 });
  expect(log.metrics()!.state).toBe("stopped");
});

test("the log has the samples of a run", () => {
  const sample = { step: 2, loss: 0.5, accuracy: 0.25 };
  const history = { steps: [], epochs: [], samples: [sample] };
  const log = logOf([
    { ...ready, history },
    { type: "sample", ...sample, step: 4 },
  ]);
  expect(log.metrics()!.samples).toEqual([sample, { ...sample, step: 4 }]);
});

test("the log of a resumed run begins with what was done before", () => {
  const { steps, epochs, samples, confusion } = logOf(half).metrics()!;
  const history = { steps, epochs, samples, confusion: confusion! };
  const resumed = logOf([{ ...ready, firstStep: 3, history }, step(3), step(4), epoch(2)]).metrics()!;
  const whole = logOf([ready, step(1), step(2), epoch(1), step(3), step(4), epoch(2)]).metrics()!;
  expect([resumed.steps, resumed.epochs]).toEqual([whole.steps, whole.epochs]);
  // The matrix is there before the next epoch ends.
  expect(logOf([{ ...ready, firstStep: 3, history }]).metrics()!.confusion).toEqual(confusion);
});

test("the report is one file that needs no network and lets no text become markup", () => {
  const html = reportHtml({ ...logOf(half).metrics()!, adapter: "</script><b>" }, "<svg>the plan</svg>");
  expect(html).not.toMatch(/\b(src|href)=|@import|url\(/);
  expect(html).not.toContain("</script><b>");
  expect(html).toContain("&lt;/script&gt;&lt;b&gt;");
  expect(html).not.toMatch(/\{\{\w+\}\}|\/\*\{\w+\}\*\//);
  expect(html).toContain("4.0 MiB");
  const embedded = /id="metrics">(.*)<\/script>/.exec(html)![1]!;
  expect(JSON.parse(embedded)).toMatchObject({ settings, adapter: "</script><b>" });
  expect(html).toContain("<svg>the plan</svg>");
});

test("results are written whole; the model has no optimizer state", () => {
  const metrics = logOf(half).metrics()!;
  writeTogether(folder, progressFiles(metrics, "", checkpoint()));
  writeTogether(folder, resultFiles(metrics, "", checkpoint()));
  const names = ["checkpoint.safetensors", "metrics.json", "model.safetensors", "report.html"];
  expect(readdirSync(folder).sort()).toEqual(names);
  expect(JSON.parse(readFileSync(join(folder, "metrics.json"), "utf8"))).toEqual(metrics);
  const model = decodeSafetensors(readFileSync(join(folder, "model.safetensors")), "model");
  expect([...model.tensors.keys()]).toEqual(["fc.bias"]);
  expect(JSON.parse(model.metadata.settings!)).toEqual(settings);
});

test("a file that cannot be written leaves nothing behind, and those before it as they were", () => {
  writeFileSync(join(folder, "a"), "before");
  mkdirSync(join(folder, `metrics.json.${process.pid}`));
  const write = () => writeTogether(folder, { a: "after", "metrics.json": "{}" });
  expect(write).toThrow(/cannot write .*metrics\.json — it is a folder/);
  expect(readdirSync(folder)).toEqual(["a", `metrics.json.${process.pid}`]);
  expect(readFileSync(join(folder, "a"), "utf8")).toBe("before");
});

test("plain lines tell the first and last step, and one a second between", () => {
  const lines: string[] = [];
  let now = 0;
  const reporter = new LineReporter(
    (text) => lines.push(text),
    () => now,
  );
  reporter.event({ ...ready, totalSteps: 100 });
  for (let number = 1; number <= 100; number++) {
    now += 100;
    reporter.event(step(number, 0.5, 100));
  }
  const steps = lines.filter((line) => line.startsWith("step"));
  expect(steps.length).toBe(11);
  expect(steps[1]).toBe("step 11/100  loss 0.5000  accuracy 50.00 %  320 images/s  0:09 left\n");
});

test("plain lines tell how far the computing of features is", () => {
  const lines: string[] = [];
  let now = 0;
  const reporter = new LineReporter(
    (text) => lines.push(text),
    () => now,
  );
  for (let done = 16; done <= 96; done += 16) {
    now += 400;
    reporter.event({ type: "caching", split: "train", done, total: 96 });
  }
  expect(lines.map((line) => line.trim())).toEqual([
    "computing features 16/96 (train)",
    "computing features 64/96 (train)",
    "computing features 96/96 (train)",
  ]);
});

test("JSON lines have the event's name under `event` and no bytes", () => {
  expect(jsonLine(ready)).not.toMatch(/planText|planPicture/);
  const line = jsonLine({ type: "checkpoint", step: 3, bytes: new Uint8Array(9) }, { file: "x" });
  expect(line).toBe('{"event":"checkpoint","step":3,"file":"x"}\n');
});

test("durations and medians", () => {
  expect([0, 59_400, 60_000, 3_723_000].map(duration)).toEqual(["0:00", "0:59", "1:00", "1:02:03"]);
  expect([median([]), median([3]), median([3, 1]), median([9, 1, 2])]).toEqual([0, 3, 2, 2]);
});

/** Runs the command line. */
async function train(...args: string[]) {
  const script = fileURLToPath(new URL("../../../src/cli/train.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, ...args], { stdio: "pipe" });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  return { code, stdout, stderr };
}

test("exit codes and messages of the process", async () => {
  const cut = join(folder, "cut.safetensors");
  writeFileSync(cut, checkpoint(metadata).slice(0, -4));
  const out = join(folder, "out");
  const held = new RunFolder(join(folder, "held"));
  const full = join(folder, "full");
  mkdirSync(full);
  writeFileSync(join(full, "model.safetensors"), "");
  const [help, unknown, tooMany, missing, broken, unwritable, inUse, finished] = await Promise.all([
    train("--help"),
    train("--topology", "nope", "--json"),
    train("--examples", "60001"),
    train("--resume", join(folder, "missing"), "--out", out),
    train("--resume", cut, "--out", out, "--json"),
    train("--out", join(cut, "x")),
    train("--out", held.path, "--force"),
    train("--out", full),
  ]);
  held.close();
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toMatch(/--topology <name>.*--resume <file>/s);
  const readme = readFileSync(new URL("../../../src/cli/README.md", import.meta.url), "utf8");
  for (const [option] of help.stdout.matchAll(/--[a-z-]+(?=[ \n])/g)) {
    if (option !== "--help") expect(readme).toContain(`\`${option}`);
  }

  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toMatch(/^error: .*'nope' is invalid. Allowed choices are .*\n$/);
  expect(JSON.parse(unknown.stdout)).toMatchObject({
    event: "error",
    message: expect.stringMatching(/'nope'/),
  });

  expect(tooMany).toMatchObject({ code: 2, stdout: "" });
  expect(tooMany.stderr).toBe(
    "webgraft: got --examples 60001, but mnist has 60000 images to train on — take --examples ≤ 60000\n",
  );

  expect(missing).toMatchObject({ code: 1, stdout: "" });
  expect(missing.stderr).toMatch(/^webgraft: cannot read .*missing — no such file or folder\n$/);

  expect(broken.code).toBe(1);
  expect(broken.stderr).toMatch(/^webgraft: .*cut\.safetensors: .*\n$/);
  expect(JSON.parse(broken.stdout)).toMatchObject({ event: "error" });

  expect(unwritable.code).toBe(1);
  expect(unwritable.stderr).toMatch(/^webgraft: cannot write to the folder .*\n$/);

  expect(inUse.code).toBe(1);
  expect(inUse.stderr).toMatch(
    new RegExp(`^webgraft: .*held is in use by another run — process ${process.pid}, .*--out\\n$`),
  );
  expect(finished.code).toBe(1);
  expect(finished.stderr).toMatch(/^webgraft: .*full holds a finished run — .*--force\n$/);
  expect(readdirSync(full)).toEqual(["model.safetensors"]);
  expect(readdirSync(folder)).toEqual(["cut.safetensors", "full"]);
});
