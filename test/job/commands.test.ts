/** Commands that steer a run, at any time: what each of them does, and that it does nothing else. */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { learningRateOf } from "../../src/job/job-metadata.ts";
import type { JobCommand, JobEvent } from "../../src/job/protocol.ts";
import { defaultSettings, type JobSettings } from "../../src/job/settings.ts";
import { Recorded, serve } from "../support/run/job.ts";

const settings: JobSettings = {
  ...{ ...defaultSettings, topology: "convnet", imageSize: 8 },
  ...{ examples: 12, epochs: 2, batch: 4, lr: 0.01, seed: 3 },
};
const [stepsPerEpoch, totalSteps] = [3, 6];

let whole: Recorded;

beforeAll(async () => {
  vi.stubGlobal("fetch", serve);
  whole = await finished({});
});

afterAll(() => {
  vi.unstubAllGlobals();
});

/** A run to its end, with commands in answer to its events. */
async function finished(
  change: Partial<JobSettings>,
  react?: (event: JobEvent) => JobCommand[],
  checkpoint?: Uint8Array,
): Promise<Recorded> {
  const job = new Recorded(react);
  job.send({ type: "start", settings: { ...settings, ...change }, ...(checkpoint && { checkpoint }) });
  await job.until("done");
  job.send({ type: "stop" });
  await job.until("stopped");
  return job;
}

/** Answers with these commands the first time that there is such an event. */
function once(type: JobEvent["type"], ...commands: JobCommand[]): (event: JobEvent) => JobCommand[] {
  let sent = false;
  return (event) => {
    if (event.type !== type || sent) return [];
    sent = true;
    return commands;
  };
}

const rates = (job: Recorded): number[] => job.all("step").map(({ learningRate }) => learningRate);

describe("step", () => {
  test("does one step and pauses, with an epoch's evaluation after its last, until the run is done", async () => {
    const job = new Recorded();
    job.send({ type: "pause" });
    job.send({ type: "start", settings });
    await job.until("paused");
    expect(job.losses).toEqual([]);
    for (let step = 1; step < totalSteps; step++) {
      job.send({ type: "step" });
      await job.until("paused", step + 1);
      expect([job.losses.length, job.all("epoch").length]).toEqual([step, Math.floor(step / stepsPerEpoch)]);
    }
    job.send({ type: "step" });
    await job.until("done");
    expect(job.all("paused").length).toBe(totalSteps);
    expect(job.losses).toEqual(whole.losses);
    expect(job.all("epoch")).toEqual(whole.all("epoch"));
    job.send({ type: "stop" });
    expect(await job.until("stopped")).toEqual({ type: "stopped", step: totalSteps });
  });

  test("adds up, before the run is ready too, and resume goes on from there", async () => {
    const job = new Recorded();
    job.send({ type: "step" });
    job.send({ type: "start", settings });
    job.send({ type: "step" });
    await job.until("paused");
    expect(job.losses.length).toBe(2);
    // What is refused, asked or saved meanwhile takes no step.
    for (const command of [{ type: "checkpoint" }, { type: "predict", indices: [9] }] as const)
      job.send(command);
    await job.until("checkpoint");
    expect([job.losses.length, job.all("paused").length]).toEqual([2, 1]);
    job.send({ type: "step" });
    job.send({ type: "pause" });
    job.send({ type: "step" });
    await job.until("paused", 2);
    // The first of them may have begun.
    expect(job.losses.length).toBeGreaterThanOrEqual(3);
    expect(job.losses.length).toBeLessThanOrEqual(4);
    job.send({ type: "resume" });
    await job.until("done");
    expect(job.losses).toEqual(whole.losses);
    job.send({ type: "stop" });
  });

  test("pauses a run that was not paused, after what is in flight and one more step", async () => {
    const job = new Recorded(once("step", { type: "step" }));
    job.send({ type: "start", settings });
    await job.until("paused");
    // Up to two were in flight, the first of which had just been told of.
    expect(job.losses.length).toBeGreaterThanOrEqual(2);
    expect(job.losses.length).toBeLessThanOrEqual(3);
    job.send({ type: "resume" });
    await job.until("done");
    expect(job.losses).toEqual(whole.losses);
    job.send({ type: "stop" });
  });

  test("during an evaluation pauses in the next epoch; a paused evaluation comes before it", async () => {
    const during = new Recorded(once("evaluating", { type: "step" }));
    during.send({ type: "start", settings });
    await during.until("paused");
    expect([during.losses.length, during.all("epoch").length]).toEqual([stepsPerEpoch + 1, 1]);
    during.send({ type: "stop" });

    const paused = new Recorded(once("evaluating", { type: "pause" }));
    paused.send({ type: "start", settings });
    await paused.until("paused");
    expect([paused.losses.length, paused.all("epoch").length]).toEqual([stepsPerEpoch, 0]);
    paused.send({ type: "step" });
    await paused.until("paused", 2);
    expect([paused.losses.length, paused.all("epoch").length]).toEqual([stepsPerEpoch + 1, 1]);
    paused.send({ type: "stop" });
  });

  test("of a resumed run is the one after those in its checkpoint", async () => {
    const { bytes, step } = whole.all("checkpoint")[0]!;
    const job = new Recorded();
    job.send({ type: "step" });
    job.send({ type: "start", settings, checkpoint: bytes });
    await job.until("paused");
    expect(job.losses).toEqual([whole.losses[step]]);
    job.send({ type: "stop" });
  });

  test("computes the features that a run trains on first", async () => {
    const job = new Recorded();
    job.send({ type: "step" });
    job.send({ type: "start", settings: { ...settings, frozen: ["conv1.*"], cacheFeatures: true } });
    await job.until("paused");
    expect([job.losses.length, job.all("caching").at(-1)!.split]).toEqual([1, "test"]);
    job.send({ type: "stop" });
  });
});

describe("learningRate", () => {
  test("holds from the next step on, times the schedule; 0 stands still", async () => {
    const job = new Recorded(({ type }) => (type === "ready" ? [{ type: "step" }] : []));
    job.send({ type: "start", settings });
    await job.until("paused");
    job.send({ type: "learningRate", learningRate: 0.02 });
    job.send({ type: "step" });
    await job.until("paused", 2);
    job.send({ type: "learningRate", learningRate: 0 });
    job.send({ type: "resume" });
    await job.until("done");
    const expected = rates(whole).map((rate, i) => rate * [1, 2, 0, 0, 0, 0][i]!);
    rates(job).forEach((rate, i) => {
      expect(rate).toBeCloseTo(expected[i]!, 12);
    });
    expect(job.losses.slice(0, 2)).toEqual(whole.losses.slice(0, 2));
    job.send({ type: "stop" });
  });

  test("of the setting changes nothing, however often it is set", async () => {
    const again: JobCommand = { type: "learningRate", learningRate: settings.lr };
    const job = await finished({}, ({ type }) =>
      ["ready", "step", "evaluating", "epoch", "done"].includes(type) ? [again] : [],
    );
    expect(job.losses).toEqual(whole.losses);
    expect(job.all("epoch")).toEqual(whole.all("epoch"));
    expect(job.all("refused")).toEqual([]);
  });

  test("set before the start, or during an evaluation, holds from the next step on too", async () => {
    const set: JobCommand = { type: "learningRate", learningRate: 2 * settings.lr };
    const before = new Recorded();
    before.send(set);
    before.send({ type: "start", settings });
    await before.until("done");
    before.send({ type: "stop" });
    const during = await finished({}, once("evaluating", set));
    const [usual, doubled] = [rates(whole), rates(whole).map((rate) => 2 * rate)];
    expect(rates(before)).toEqual(doubled);
    expect(before.all("ready")[0]!.learningRate).toBe(2 * settings.lr);
    expect(rates(during)).toEqual([...usual.slice(0, stepsPerEpoch), ...doubled.slice(stepsPerEpoch)]);
    expect(during.losses.slice(0, stepsPerEpoch + 1)).toEqual(whole.losses.slice(0, stepsPerEpoch + 1));
  });

  test("is kept by checkpoints: a resumed run has the same losses, bit for bit, and tells the rate", async () => {
    const changed = await finished({}, once("ready", { type: "learningRate", learningRate: 0.03 }));
    expect(changed.losses).not.toEqual(whole.losses);
    const { bytes, step } = changed.all("checkpoint")[0]!;
    expect(learningRateOf(bytes, "file")).toBe(0.03);
    expect(learningRateOf(whole.all("checkpoint")[0]!.bytes, "file")).toBeUndefined();
    const resumed = await finished({}, undefined, bytes);
    expect(resumed.losses).toEqual(changed.losses.slice(step));
    expect(resumed.all("epoch")).toEqual(changed.all("epoch").slice(1));
    expect(resumed.all("ready")[0]).toMatchObject({ settings, learningRate: 0.03 });
  });

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "0.1", undefined])(
    "of %s is refused, and the run goes on",
    async (learningRate) => {
      const command = { type: "learningRate", learningRate } as JobCommand;
      const job = await finished({ epochs: 1 }, once("step", command));
      const message = expect.stringMatching(/learningRate must be finite and not negative — got /);
      expect(job.all("refused")).toEqual([{ type: "refused", command: "learningRate", message }]);
      expect(job.losses.length).toBe(stepsPerEpoch);
    },
  );
});

describe("a command that cannot be carried out", () => {
  test("is refused, and the run is as it would have been", async () => {
    const job = await finished({}, ({ type }) =>
      type === "step" ? [{ type: "start", settings }, { type: "nonsense" } as unknown as JobCommand] : [],
    );
    expect(job.losses).toEqual(whole.losses);
    expect(job.all("refused").slice(0, 2)).toEqual([
      {
        ...{ type: "refused", command: "start" },
        message: "job: was started before — make a new Job for each run",
      },
      { type: "refused", command: "nonsense", message: 'job: there is no command "nonsense"' },
    ]);
    expect(job.all("refused").length).toBe(2 * totalSteps);
  });

  test("is refused after the end, whatever it is, and so is what still waits then", async () => {
    const waiting: JobCommand[] = [
      { type: "predict", indices: [0], id: "early" },
      { type: "filters", layer: "conv1", id: 7 },
    ];
    const job = new Recorded();
    for (const command of waiting) job.send(command);
    job.send({ type: "start", settings });
    job.send({ type: "stop" });
    expect(await job.until("stopped")).toEqual({ type: "stopped", step: 0 });
    expect(job.all("refused")).toEqual([
      { type: "refused", command: "predict", id: "early", message: "job: has ended" },
      { type: "refused", command: "filters", id: 7, message: "job: has ended" },
    ]);
    const later: JobCommand[] = [
      ...(["pause", "resume", "step", "stop", "checkpoint"] as const).map((type) => ({ type })),
      { type: "learningRate", learningRate: 1 },
      { type: "predict", indices: [0], id: 1 },
      { type: "start", settings },
    ];
    for (const command of later) job.send(command);
    const refused = job.events.slice(job.events.findIndex(({ type }) => type === "stopped") + 1);
    expect(refused).toMatchObject(later.map(({ type }) => ({ type: "refused", command: type })));
    expect(refused.at(-2)).toMatchObject({
      id: 1,
      message: "job: has ended — make a new Job for each run",
    });
  });

  test("is refused after stop, if it is a question", async () => {
    const asked: JobCommand = { type: "predict", indices: [0] };
    const job = new Recorded(once("step", asked, { type: "stop" }, asked));
    job.send({ type: "start", settings });
    await job.until("stopped");
    const told = job.events.filter(({ type }) =>
      ["refused", "predictions", "checkpoint", "stopped"].includes(type),
    );
    expect(told.map(({ type }) => type)).toEqual(["refused", "predictions", "checkpoint", "stopped"]);
    expect(job.all("refused")[0]!.message).toBe("job: was stopped");
  });

  test("is refused after an error, which is told once", async () => {
    const job = new Recorded();
    job.send({ type: "predict", indices: [0] });
    job.send({ type: "start", settings: { ...settings, seed: -1 } });
    expect((await job.until("error")).message).toMatch(/seed must be/);
    job.send({ type: "start", settings });
    expect(job.all("error").length).toBe(1);
    expect(job.all("refused").map(({ command }) => command)).toEqual(["predict", "start"]);
  });
});

test("a run goes on, is done and stops while an app asks again with each answer", async () => {
  const asked: JobCommand = { type: "predict", indices: [0] };
  const job = await finished({ epochs: 1 }, ({ type }) =>
    type === "ready" || type === "predictions" ? [asked] : [],
  );
  expect(job.losses).toEqual((await finished({ epochs: 1 })).losses);
  // One before the first step, one with each step at least.
  expect(job.all("predictions").length).toBeGreaterThan(stepsPerEpoch);
});

test("after the end of the run, what steers it has no effect, and it stops as ever", async () => {
  const job = await finished({}, ({ type }) =>
    type === "done"
      ? [
          ...(["pause", "resume", "step", "pause"] as const).map((type) => ({ type })),
          { type: "learningRate", learningRate: 1 },
        ]
      : [],
  );
  expect(job.all("refused")).toEqual([]);
  expect(job.all("paused")).toEqual([]);
  expect(job.losses).toEqual(whole.losses);
  expect(job.all("stopped")).toEqual([{ type: "stopped", step: totalSteps }]);
});

test("stopped before it is started, a job ends as soon as it is", async () => {
  const job = new Recorded();
  job.send({ type: "stop" });
  job.send({ type: "start", settings });
  expect(await job.until("stopped")).toEqual({ type: "stopped", step: 0 });
  expect(job.all("ready")).toEqual([]);
});
