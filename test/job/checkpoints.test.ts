/** What a browser, a GPU process or a command line that is killed leaves behind. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { historyOf } from "../../src/job/job-metadata.ts";
import type { JobOptions } from "../../src/job/options.ts";
import { defaultSettings, type JobSettings } from "../../src/job/settings.ts";
import { readCheckpointMetadata } from "../../src/train/checkpoint.ts";
import { Recorded, serve } from "../support/run/job.ts";

const plain: JobSettings = {
  ...{ ...defaultSettings, topology: "convnet", imageSize: 8 },
  ...{ examples: 12, epochs: 2, batch: 2, lr: 0.01, seed: 3 },
};
const stepsPerEpoch = 6;
/** Seconds, so few that each step takes longer. */
const checkpointEvery = 1e-6;

beforeAll(() => {
  vi.stubGlobal("fetch", serve);
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => {
  vi.unstubAllGlobals();
});

async function run(
  settings: JobSettings,
  options: Partial<JobOptions> = {},
  checkpoint?: Uint8Array,
): Promise<Recorded> {
  const job = new Recorded(undefined, options);
  job.send({ type: "start", settings, ...(checkpoint && { checkpoint }) });
  await job.until("done");
  job.send({ type: "stop" });
  await job.until("stopped");
  return job;
}

describe.each<[string, JobSettings]>([
  ["a run", plain],
  ["a run on cached features", { ...plain, frozen: ["conv1.*", "block1.*"], cacheFeatures: true }],
])("%s with a checkpoint every few steps", (_, settings) => {
  let whole: Recorded;
  let often: Recorded;
  beforeAll(async () => {
    whole = await run(settings);
    often = await run(settings, { checkpointEvery });
  });

  test("has the losses of one without, bit for bit", () => {
    expect(often.losses).toEqual(whole.losses);
    expect(often.all("epoch")).toEqual(whole.all("epoch"));
  });

  test("has some of its first epoch, and the history in each is that of its weights", () => {
    const checkpoints = often.all("checkpoint");
    // Two steps are in flight at once, so at most every other step has one.
    expect(checkpoints.filter(({ step }) => step < stepsPerEpoch).length).toBeGreaterThanOrEqual(2);
    for (const { step, bytes } of checkpoints) {
      expect(readCheckpointMetadata(bytes, "file").step).toBe(String(step));
      expect(historyOf(bytes, "file").steps.map(({ loss }) => loss)).toEqual(whole.losses.slice(0, step));
    }
  });

  test("goes on from any of them as if nothing had been", async () => {
    const { bytes, step } = often.all("checkpoint").find(({ step }) => step > 0 && step < stepsPerEpoch)!;
    const resumed = await run(settings, {}, bytes);
    expect(resumed.losses).toEqual(whole.losses.slice(step));
    expect(resumed.all("epoch")).toEqual(whole.all("epoch"));
  });
});

test.each([
  ["with nothing said has a checkpoint when a minute has passed", {}, 10],
  ["has a checkpoint every ten seconds if it is told so", { checkpointEvery: 10 }, 10 / 6],
] as const)("a run %s", async (_, options, seconds) => {
  let clock = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => {
    clock += 1000 * seconds;
    return clock;
  });
  const job = await run(plain, options);
  // Each step asks for the time more than once, so that much time passes within an epoch.
  const between = job.all("checkpoint").filter(({ step }) => step % stepsPerEpoch !== 0);
  expect(between.length).toBeGreaterThan(0);
});

test("a GPU that is lost is an error that says so, after checkpoints to go on from", async () => {
  const { requestDevice } = GPUAdapter.prototype;
  let device: GPUDevice | undefined;
  vi.spyOn(GPUAdapter.prototype, "requestDevice").mockImplementation(async function (
    this: GPUAdapter,
    ...args
  ) {
    device = await requestDevice.apply(this, args);
    return device;
  });
  const job = new Recorded(
    ({ type }) => {
      if (type === "checkpoint") device!.destroy();
      return [];
    },
    { checkpointEvery },
  );
  job.send({ type: "start", settings: plain });
  const { name, message } = await job.until("error");
  expect([name, message]).toEqual(["DeviceLostError", expect.stringMatching(/GPU device was lost/)]);
  const { bytes, step } = job.all("checkpoint").at(-1)!;
  expect(step).toBeLessThan(stepsPerEpoch);
  expect(readCheckpointMetadata(bytes, "file").step).toBe(String(step));
});
