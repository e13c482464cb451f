import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { JobCommand, JobEvent } from "../../src/job/protocol.ts";
import { defaultSettings, type JobSettings } from "../../src/job/settings.ts";
import { decodeSafetensors } from "../../src/weights/safetensors.ts";
import { Recorded, serve, testImages } from "../support/run/job.ts";

/** What trains of ResNet-20 is its last block and its head. */
const frozen = ["conv1.*", "bn1.*", "layer1.*", "layer2.*", "layer3.0.*", "layer3.1.*"];
const settings: JobSettings = {
  ...defaultSettings,
  ...{ topology: "resnet", backbone: "resnet20", frozen, imageSize: 8 },
  ...{ examples: 12, epochs: 2, batch: 4, lr: 0.01, seed: 3 },
};
const cached: JobSettings = { ...settings, cacheFeatures: true };

let whole: Recorded;

beforeAll(async () => {
  vi.stubGlobal("fetch", serve);
  whole = new Recorded();
  whole.send({ type: "start", settings });
  await whole.until("done");
  whole.send({ type: "stop" });
});

afterAll(() => {
  vi.unstubAllGlobals();
});

/** Names and bytes of all that a run's last checkpoint holds. */
const tensorsOf = (job: Recorded) =>
  [...decodeSafetensors(job.all("checkpoint").at(-1)!.bytes, "checkpoint").tensors].map(
    ([name, { bytes }]) => [name, bytes.join()] as const,
  );

/** Answers with a command the first time that some of the features have been computed. */
function whileComputing(command: JobCommand): (event: JobEvent) => JobCommand[] {
  let sent = false;
  return ({ type }) => {
    if (type !== "caching" || sent) return [];
    sent = true;
    return [command];
  };
}

test("a run on cached features, paused and questioned while they are computed, is the same run", async () => {
  const job = new Recorded(whileComputing({ type: "pause" }));
  job.send({ type: "start", settings: cached });
  await job.until("paused");
  expect(job.losses).toEqual([]);
  job.send({ type: "checkpoint" });
  expect((await job.until("checkpoint")).step).toBe(0);
  job.send({ type: "resume" });
  await job.until("step", 2);
  job.send({ type: "predict", indices: [3, 0] });
  await job.until("done");
  job.send({ type: "stop" });
  await job.until("stopped");
  const progress = job.all("caching").map(({ split, done, total }) => `${split} ${done}/${total}`);
  const last = ["train 4/12", "train 8/12", "train 12/12", "test 4/6", "test 6/6"];
  expect(progress.slice(-5)).toEqual(last);
  expect(progress.length).toBeGreaterThan(5);

  expect(job.losses).toEqual(whole.losses);
  expect(job.all("epoch")).toEqual(whole.all("epoch"));
  expect(tensorsOf(job)).toEqual(tensorsOf(whole));
  expect(job.all("ready")[0]!.dispatchesPerStep).toBeLessThan(whole.all("ready")[0]!.dispatchesPerStep);
  const { predictions } = job.all("predictions")[0]!;
  expect(predictions.map(({ index, pixels }) => [index, pixels.length])).toEqual([
    [3, 64],
    [0, 64],
  ]);
});

test("a stopped run on cached features computes them anew and goes on", async () => {
  const first = new Recorded(({ type }) => (type === "step" ? [{ type: "stop" }] : []));
  first.send({ type: "start", settings: cached });
  const { step } = await first.until("stopped");
  expect(step).toBe(first.losses.length);
  const { bytes } = first.all("checkpoint").at(-1)!;

  const second = new Recorded();
  second.send({ type: "start", settings, checkpoint: bytes });
  await second.until("done");
  second.send({ type: "predict", indices: [1] });
  const { predictions } = await second.until("predictions");
  second.send({ type: "stop" });
  expect(second.all("caching").at(-1)).toMatchObject({ split: "test", done: testImages });
  expect([...first.losses, ...second.losses]).toEqual(whole.losses);
  expect(tensorsOf(second)).toEqual(tensorsOf(whole));

  // The answer is that of the weights in the checkpoint.
  const again = new Recorded(({ type }) => (type === "done" ? [{ type: "predict", indices: [1] }] : []));
  again.send({ type: "start", settings, checkpoint: whole.all("checkpoint").at(-1)!.bytes });
  expect((await again.until("predictions")).predictions).toEqual(predictions);
  again.send({ type: "stop" });
});

test("stopped while features are computed, a run leaves no checkpoint", async () => {
  const job = new Recorded(whileComputing({ type: "stop" }));
  job.send({ type: "start", settings: cached });
  expect((await job.until("stopped")).step).toBe(0);
  expect(job.all("checkpoint")).toEqual([]);
});

test("a run takes as many images of each class, and changes them", async () => {
  const { examples: _, ...others } = settings;
  const start = async (change: Partial<JobSettings>): Promise<Recorded> => {
    const job = new Recorded();
    job.send({ type: "start", settings: { ...others, epochs: 1, ...change } });
    await job.until("done");
    job.send({ type: "stop" });
    return job;
  };
  const plain = await start({ perClass: 1 });
  expect(plain.all("ready")[0]).toMatchObject({ examples: 10, totalSteps: 3 });
  const changed = await start({ perClass: 1, augment: ["jitter", "cutmix"] });
  expect(changed.losses.length).toBe(3);
  expect(changed.losses[0]).not.toBe(plain.losses[0]);

  const job = new Recorded();
  job.send({ type: "start", settings: { ...others, perClass: 2 } });
  expect((await job.until("error")).message).toMatch(/got perClass 2, but class 2 has 1 examples/);
});
