import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { JobCommand } from "../../src/job/protocol.ts";
import { defaultSettings, type JobSettings } from "../../src/job/settings.ts";
import { Recorded, serve, testImages } from "../support/run/job.ts";

const settings: JobSettings = { ...defaultSettings, examples: 12, epochs: 2, batch: 4, lr: 0.01, seed: 3 };
const totalSteps = 6;

beforeAll(() => {
  vi.stubGlobal("fetch", serve);
});

afterAll(() => {
  whole.send({ type: "stop" });
  vi.unstubAllGlobals();
});

let whole: Recorded;

beforeAll(async () => {
  whole = new Recorded();
  whole.send({ type: "start", settings });
  await whole.until("done");
});

test("a run tells what it does, in order", () => {
  expect(whole.all("step").map(({ step, epoch }) => [step, epoch])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [6, 2],
  ]);
  const order = whole.events.map(({ type }) => type).filter((type) => type !== "loading");
  const epoch = ["step", "step", "step", "evaluating", "evaluating", "epoch", "checkpoint"];
  expect(order).toEqual(["adapter", "ready", ...epoch, ...epoch, "done"]);
  expect(whole.all("ready")[0]).toMatchObject({
    settings,
    imageShape: [28, 28, 1],
    firstStep: 1,
    totalSteps,
    testExamples: testImages,
    learningRate: settings.lr,
    history: { steps: [], epochs: [], samples: [] },
  });
  const { testAccuracy, testLoss, confusion } = whole.all("epoch")[1]!;
  expect(confusion.flat().reduce((a, b) => a + b)).toBe(testImages);
  expect(confusion.reduce((right, row, label) => right + row[label]!, 0) / testImages).toBe(testAccuracy);
  expect(whole.all("done")[0]).toMatchObject({
    steps: totalSteps,
    testExamples: testImages,
    testAccuracy,
    testLoss,
  });
});

test("pauses, questions and checkpoints on the way change nothing", async () => {
  const job = new Recorded(({ type }) => (type === "step" ? [{ type: "predict", indices: [0] }] : []));
  job.send({ type: "start", settings });
  await job.until("step");
  job.send({ type: "pause" });
  await job.until("paused");
  const done = job.losses.length;
  job.send({ type: "predict", indices: [5, 0, 5, 1, 2, 3] });
  job.send({ type: "checkpoint" });
  const { step } = await job.until("checkpoint");
  expect(step).toBe(done);
  const { predictions } = job.all("predictions").at(-1)!;
  expect(predictions.map(({ index, label }) => [index, label])).toEqual(
    [5, 0, 5, 1, 2, 3].map((i) => [i, i]),
  );
  expect(predictions[0]!.pixels.length).toBe(28 * 28);
  expect(predictions[0]).toEqual(predictions[2]);
  for (const { probabilities } of predictions) {
    expect(probabilities.length).toBe(10);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 5);
  }
  expect(job.losses.length).toBe(done);

  job.send({ type: "resume" });
  await job.until("step", done + 1);
  job.send({ type: "checkpoint" });
  await job.until("done");
  expect(job.losses).toEqual(whole.losses);
  expect(job.all("epoch")).toEqual(whole.all("epoch"));

  const answered = job.all("predictions").length;
  job.send({ type: "predict", indices: [1] });
  expect((await job.until("predictions", answered + 1)).step).toBe(totalSteps);
  job.send({ type: "stop" });
});

test("a stopped run goes on from its checkpoint as if nothing had been", async () => {
  const first = new Recorded(({ type }) => (type === "step" ? [{ type: "stop" }] : []));
  first.send({ type: "start", settings });
  const { step } = await first.until("stopped");
  expect(step).toBe(first.losses.length);
  const { bytes } = first.all("checkpoint").at(-1)!;

  const second = new Recorded();
  second.send({ type: "start", settings: { ...settings, batch: 1 }, checkpoint: bytes });
  await second.until("done");
  second.send({ type: "stop" });
  const { settings: kept, firstStep, history } = second.all("ready")[0]!;
  expect([kept, firstStep]).toEqual([settings, step + 1]);
  expect([...history.steps.map(({ loss }) => loss), ...second.losses]).toEqual(whole.losses);
  expect(second.all("epoch")).toEqual(whole.all("epoch"));
});

test("a resumed run keeps its kernels, whatever was measured meanwhile", async () => {
  const best = { variant: "4x4_none_flat", milliseconds: 1, gain: 1 };
  const tuned = Object.fromEntries(
    ["forward", "grad_weight"].map((pass) => [`dense ${pass} N=4 C=6272 K=10`, best]),
  );
  const tuningStore = {
    read: async (device: string) => ({ format: "webgraft-tuning-2", device, tuned, failed: {} }),
    write: async () => {},
  };
  const run = async (start: Partial<JobCommand & { type: "start" }>): Promise<readonly number[]> => {
    const job = new Recorded(undefined, { tuningStore });
    job.send({ type: "start", settings, ...start });
    await job.until("done");
    job.send({ type: "stop" });
    return job.losses;
  };
  const { bytes } = whole.all("checkpoint")[0]!; // After three steps.
  expect(await run({ checkpoint: bytes })).toEqual(whole.losses.slice(3));
  expect(await run({})).not.toEqual(whole.losses);
});

test("a run stopped during its evaluation evaluates again when it goes on", async () => {
  const first = new Recorded(({ type }) => (type === "evaluating" ? [{ type: "stop" }] : []));
  first.send({ type: "start", settings: { ...settings, epochs: 1 } });
  await first.until("stopped");
  expect([first.losses.length, first.all("epoch").length]).toEqual([3, 0]);
  const second = new Recorded();
  second.send({ type: "start", settings, checkpoint: first.all("checkpoint").at(-1)!.bytes });
  await second.until("done");
  second.send({ type: "stop" });
  expect([second.losses.length, second.all("epoch").length]).toEqual([0, 1]);
});

test("a checkpoint of a finished run gives its result again", async () => {
  const job = new Recorded();
  job.send({ type: "start", settings, checkpoint: whole.all("checkpoint").at(-1)!.bytes });
  const { testAccuracy, steps } = await job.until("done");
  job.send({ type: "stop" });
  expect((await job.until("stopped")).step).toBe(totalSteps);
  expect([testAccuracy, steps, job.losses]).toEqual([whole.all("done")[0]!.testAccuracy, totalSteps, []]);
});

test("images get the size that is asked for, before the model is made", async () => {
  const job = new Recorded(({ type }) => (type === "step" ? [{ type: "predict", indices: [0] }] : []));
  job.send({ type: "start", settings: { ...settings, topology: "convnet", imageSize: 8, epochs: 1 } });
  await job.until("done");
  expect(job.all("ready")[0]!.imageShape).toEqual([8, 8, 1]);
  expect(job.all("predictions")[0]!.predictions[0]!.pixels.length).toBe(64);
  job.send({ type: "stop" });
});

test("stopped before it is ready, a job leaves no checkpoint", async () => {
  const job = new Recorded();
  job.send({ type: "start", settings });
  job.send({ type: "stop" });
  expect((await job.until("stopped")).step).toBe(0);
  expect(job.all("checkpoint")).toEqual([]);
});

test.each([
  ["an unknown topology", { ...settings, topology: "nope" as "resnet" }, /topology must be .* — got "nope"/],
  ["more images than there are", { ...settings, examples: 13 }, /examples must be 1…12,/],
  ["more test images than there are", { ...settings, testExamples: 7 }, /examples must be 1…6,/],
  ["data that the server has not", { ...settings, data: "fashion" as const }, /fashion\/.* — HTTP 404/],
])("%s is an error that says so", async (_, wrong, message) => {
  const job = new Recorded();
  job.send({ type: "start", settings: wrong });
  expect((await job.until("error")).message).toMatch(message);
});
