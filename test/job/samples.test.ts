/** What a run tells of itself as its settings ask: a sample of the test images, norms; and that it changes nothing. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { historyOf } from "../../src/job/job-metadata.ts";
import type { JobCommand, JobEvent } from "../../src/job/protocol.ts";
import { defaultSettings, type JobSettings } from "../../src/job/settings.ts";
import { Recorded, serve, testImages } from "../support/run/job.ts";

const plain: JobSettings = {
  ...{ ...defaultSettings, topology: "convnet", imageSize: 8 },
  ...{ examples: 12, epochs: 2, batch: 2, lr: 0.01, seed: 3 },
};
const [stepsPerEpoch, totalSteps] = [6, 12];

let whole: Recorded;

beforeAll(async () => {
  vi.stubGlobal("fetch", serve);
  whole = await finished(plain);
});

afterAll(() => {
  vi.unstubAllGlobals();
});

async function finished(
  settings: JobSettings,
  react?: (event: JobEvent) => JobCommand[],
  checkpoint?: Uint8Array,
): Promise<Recorded> {
  const job = new Recorded(react);
  job.send({ type: "start", settings, ...(checkpoint && { checkpoint }) });
  await job.until("done");
  job.send({ type: "stop" });
  await job.until("stopped");
  return job;
}

const stepsOf = (job: Recorded): number[] => job.all("sample").map(({ step }) => step);

/** A sample after every step, which is checked to change nothing. */
async function sampled(settings: JobSettings): Promise<Recorded> {
  const without = await finished(settings);
  const job = await finished({ ...settings, sampleEvery: 1, sampleExamples: 4 });
  expect(job.losses).toEqual(without.losses);
  expect(job.all("epoch")).toEqual(without.all("epoch"));
  expect(stepsOf(job)).toEqual(Array.from({ length: totalSteps }, (_, i) => i + 1));
  return job;
}

test("a run evaluates a sample after every so many steps, with the weights of that step", async () => {
  const job = await sampled(plain);
  const places = job.events.filter(({ type }) => type === "step" || type === "sample" || type === "epoch");
  expect(places.slice(-3).map(({ type }) => type)).toEqual(["step", "sample", "epoch"]);

  // With another distance, the same steps have the same samples, whatever was in flight.
  const fifth = await finished({ ...plain, sampleEvery: 5, sampleExamples: 4 });
  expect(stepsOf(fifth)).toEqual([5, 10]);
  expect(fifth.all("sample")).toEqual(job.all("sample").filter(({ step }) => step % 5 === 0));

  // A sample of all test images after an epoch is the epoch's evaluation.
  const all = await finished({ ...plain, sampleEvery: stepsPerEpoch });
  expect(all.all("sample")).toEqual(
    all.all("epoch").map(({ epoch, testLoss: loss, testAccuracy: accuracy }) => {
      return { type: "sample", step: epoch * stepsPerEpoch, loss, accuracy };
    }),
  );
});

test("a run on cached features evaluates the features of the sample", async () => {
  await sampled({ ...plain, frozen: ["conv1.*", "block1.*"], cacheFeatures: true });
});

test("a run that is paused, asked and saved on the way has the same samples", async () => {
  const settings = { ...plain, sampleEvery: 2 };
  const expected = (await finished(settings)).all("sample");
  const commands: JobCommand[] = [
    { type: "predict", indices: [0] },
    { type: "checkpoint" },
    { type: "pause" },
    { type: "resume" },
  ];
  const job = await finished(settings, ({ type }) => (type === "step" || type === "sample" ? commands : []));
  expect(job.all("sample")).toEqual(expected);
  expect(job.losses).toEqual(whole.losses);

  const single = new Recorded();
  single.send({ type: "step" });
  single.send({ type: "start", settings });
  await single.until("paused");
  expect(single.all("sample")).toEqual([]);
  single.send({ type: "step" });
  await single.until("paused", 2);
  expect(single.all("sample")).toEqual(expected.slice(0, 1));
  single.send({ type: "stop" });
});

test("a resumed run has the whole history: steps, samples, epochs and the last confusion matrix", async () => {
  const settings = { ...plain, sampleEvery: 2, sampleExamples: 3 };
  const expected = await finished(settings);
  const samples = expected.all("sample").map(({ type: _, ...record }) => record);
  const epochs = expected.all("epoch").map(({ type: _, confusion: __, ...record }) => record);
  const { bytes, step } = expected.all("checkpoint")[0]!;
  const history = historyOf(bytes, "file");
  const due = samples.filter((sample) => sample.step <= step);
  expect(history.samples).toEqual(due);
  const resumed = await finished(plain, undefined, bytes);
  expect(resumed.all("ready")[0]!.history).toEqual(history);
  expect([...due, ...resumed.all("sample").map(({ type: _, ...record }) => record)]).toEqual(samples);
  const { confusion } = expected.all("epoch")[step / stepsPerEpoch - 1]!;
  expect(history).toMatchObject({ confusion, epochs: epochs.slice(0, step / stepsPerEpoch) });

  // Stopped at the step itself, before its sample was evaluated.
  const stopped = new Recorded(({ type }) => (type === "step" ? [{ type: "stop" }] : []));
  stopped.send({ type: "start", settings: { ...settings, sampleEvery: 1 } });
  const last = (await stopped.until("stopped")).step;
  expect(stepsOf(stopped)).toEqual([]);
  const next = await finished(plain, undefined, stopped.all("checkpoint").at(-1)!.bytes);
  expect(stepsOf(next)[0]).toBe(last);
  const { epochs: none, ...early } = historyOf(stopped.all("checkpoint").at(-1)!.bytes, "file");
  expect([none, early]).toEqual([[], expect.not.objectContaining({ confusion: expect.anything() })]);
});

test("a sample takes the test images that there are, or as many as it is told", async () => {
  const job = new Recorded();
  job.send({ type: "start", settings: { ...plain, sampleEvery: 1, sampleExamples: testImages + 1 } });
  expect((await job.until("error")).message).toMatch(/n must be 1…6, .* — got 7/);
});

test("steps tell gradient norms and update ratios if the settings ask, and have the same losses", async () => {
  const job = await finished({ ...plain, gradientNorms: true, updateRatios: true });
  expect(job.losses).toEqual(whole.losses);
  expect(job.all("epoch")).toEqual(whole.all("epoch"));
  const names = job.all("ready")[0]!.layers.flatMap(({ parameters }) => parameters);
  for (const { gradientNorms, updateRatios } of job.all("step")) {
    for (const told of [gradientNorms!, updateRatios!]) {
      expect(Object.keys(told).sort()).toEqual([...names].sort());
      for (const norm of Object.values(told)) expect(norm).toBeGreaterThanOrEqual(0);
    }
  }
  for (const step of whole.all("step")) {
    expect(step).not.toHaveProperty("gradientNorms");
    expect(step).not.toHaveProperty("updateRatios");
  }
  // A resumed run tells them too.
  const resumed = await finished(plain, undefined, job.all("checkpoint")[0]!.bytes);
  expect(resumed.all("step")).toMatchObject(
    job
      .all("step")
      .slice(stepsPerEpoch)
      .map(({ gradientNorms, updateRatios }) => ({ gradientNorms, updateRatios })),
  );
});
