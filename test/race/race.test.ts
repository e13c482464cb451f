/** Trainers side by side: each computes what it computes alone, whatever happens to the race or to another lane. */
import { afterEach, describe, expect, it } from "vitest";
import {
  BatchLoader,
  BusyError,
  DataError,
  DestroyedError,
  DeviceLostError,
  dense,
  dropout,
  flatten,
  type LaneOptions,
  type Model,
  oneCycle,
  openDevice,
  Race,
  type RaceEvent,
  type RaceOptions,
  type RaceSnapshot,
  sgd,
  type Tensor,
  type Trainer,
  verdict,
} from "webgraft";
import { quarters } from "../support/data/quarters.ts";
import { countBuffers } from "../support/run/buffers.ts";
import { testGpu } from "../support/run/gpu.ts";
import { lone } from "./lone.ts";

const train = quarters(18); // Batches of 4, 4, 4, 4 and 2.
const test = quarters(12, 2);
const sample = { dataset: quarters(6, 3), every: 3 };

const model = (outFeatures: number): Model => ({
  name: `tiny ${outFeatures}`,
  inputShape: [8, 8, 1],
  classes: 4,
  options: {},
  build: (images) => {
    const hidden = dense(flatten(images), "hidden", { outFeatures, activation: "relu" });
    return dense(dropout(hidden, "drop", 0.3), "fc", { outFeatures: 4 });
  },
});
const optimizer = sgd({ lr: 0.05, momentum: 0.9 });
const narrow: LaneOptions = { name: "narrow", model: model(4), optimizer, tune: "off" };
const wide: LaneOptions = { name: "wide", model: model(12), optimizer, schedule: oneCycle(), tune: "off" };
/** Its first update overflows: the rate does. */
const wild: LaneOptions = {
  ...narrow,
  name: "wild",
  optimizer: sgd({ lr: 3e38, groups: [{ match: "*", lrScale: 100 }] }),
};

const made: Race[] = [];
async function make(options: Partial<RaceOptions> = {}): Promise<Race> {
  const given = {
    gpu: await testGpu(),
    lanes: [narrow, wide],
    train,
    test,
    batchSize: 4,
    epochs: 2,
    seeds: [1, 2],
  };
  const race = await Race.create({ ...given, ...options });
  made.push(race);
  return race;
}
afterEach(async () => {
  for (const each of made.splice(0)) await each.destroy();
});

type Of<T extends RaceEvent["type"]> = Extract<RaceEvent, { readonly type: T }>;
const only = <T extends RaceEvent["type"]>(events: readonly RaceEvent[], type: T): Of<T>[] =>
  events.filter((event): event is Of<T> => event.type === type);
/** All that a race says, without times. */
const told = (events: readonly RaceEvent[]): unknown[] =>
  events.flatMap((event) =>
    event.type === "paused" ? [] : [event.type === "step" ? { ...event, milliseconds: 0 } : event],
  );

const isStep = (event: unknown): boolean => (event as RaceEvent).type === "step";

/** What an undisturbed race tells. */
async function undisturbed(options: Partial<RaceOptions> = {}): Promise<readonly RaceEvent[]> {
  const events: RaceEvent[] = [];
  await (await make(options)).run({ onEvent: (event) => void events.push(event) });
  return events;
}

describe("a race", () => {
  it("gives each lane what its fit gives alone, bit for bit, with each seed", async () => {
    const events: RaceEvent[] = [];
    const measured = { ...narrow, optimizer: sgd({ lr: 0.05, momentum: 0.9, gradientNorms: true }) };
    const race = await make({ lanes: [measured, { ...wide, microBatches: 2 }], sample });
    const result = await race.run({ onEvent: (event) => void events.push(event) });
    expect(only(events, "seed")).toEqual([
      { type: "seed", seed: 1, index: 0, seeds: 2, totalSteps: 10 },
      { type: "seed", seed: 2, index: 1, seeds: 2, totalSteps: 10 },
    ]);
    const { gpu, lanes } = race.options;
    for (const [i, seed] of [1, 2].entries()) {
      const steps = only(events, "step").filter((event) => event.seed === seed);
      const samples = only(events, "sample").filter((event) => event.seed === seed);
      expect(samples.map(({ step }) => step)).toEqual([3, 6, 9]);
      for (const [lane, options] of lanes.entries()) {
        const alone = await lone({ ...options, gpu, batchSize: 4, seed }, { train, test, epochs: 2 });
        const seen = steps.map(({ lanes, totalSteps, epoch }) => ({ ...lanes[lane]!, totalSteps, epoch }));
        expect(seen).toEqual(alone.steps);
        expect(Object.keys(seen[0]!.gradientNorms ?? {}).length).toBe(lane === 0 ? 4 : 0);
        expect(result.seeds[i]!.accuracies[lane]).toBe(alone.accuracy);
        if (seed === 2) {
          const trainer = race.trainers[lane]!;
          expect(await trainer.variables.read(trainer.saved.map(({ tensor }) => tensor))).toEqual(
            alone.saved,
          );
        }
      }
    }
    expect(result).toMatchObject({ lanes: ["narrow", "wide"], stopped: false });
    expect(result.verdict).toEqual(verdict(result));
    expect(only(events, "result").map((event) => event.verdict.comparisons[0]!.differences.length)).toEqual([
      1, 2,
    ]);
    expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    // Again, it is done.
    expect(await race.run()).toEqual(result);
  });

  it("samples the weights after the step it names", async () => {
    const events = await undisturbed({ seeds: [1], sample });
    const { gpu } = { gpu: await testGpu() };
    const race = await make({ gpu, seeds: [1] });
    const loader = new BatchLoader(train, { batchSize: 4, seed: 1 });
    const trainer = race.trainers[0]!; // Without a schedule.
    const accuracies: number[] = [];
    for (let step = 0; step < 10; step++) {
      await trainer.trainStep(loader.batch(Math.floor(step / 5), step % 5));
      if (step % 3 === 2) accuracies.push((await trainer.evaluate(sample.dataset)).accuracy);
    }
    expect(only(events, "sample").map(({ accuracies }) => accuracies[0])).toEqual(accuracies);
  });

  it("states the memory of all lanes before the first step: the bytes of their plans", async () => {
    const race = await make({ lanes: [narrow, wide, { ...wide, name: "parts", microBatches: 2 }] });
    const { lanes, bytes } = race.memory;
    for (const [i, { temporaryBytes, persistentBytes, parameters }] of lanes.slice(0, 2).entries()) {
      const { plan, parameterCount } = race.trainers[i]!;
      expect(temporaryBytes).toBe(plan.report.peakBytes);
      expect(persistentBytes).toBe(plan.report.persistentBytes);
      expect(parameters).toBe(parameterCount);
    }
    expect(lanes[2]!.persistentBytes).toBeGreaterThan(race.trainers[2]!.plan.report.persistentBytes);
    expect(bytes).toBe(lanes.reduce((sum, lane) => sum + lane.temporaryBytes + lane.persistentBytes, 0));
  });

  it("takes another learning rate for all lanes from the next step on, times their schedules", async () => {
    const race = await make({ seeds: [1] });
    const rates: (readonly (number | undefined)[])[] = [];
    race.step();
    let singles = 0;
    await race.run({
      onEvent: (event) => {
        if (event.type === "step") rates.push(event.lanes.map((lane) => lane?.learningRate));
        if (event.type !== "paused") return;
        if (singles++ === 2) race.setLearningRate(0.02);
        if (singles < 5) race.step();
        else race.resume();
      },
    });
    const factor = oneCycle();
    const expected = rates.map((_, step) => {
      const rate = step < 3 ? 0.05 : 0.02;
      return [rate, rate * factor(step, 10)];
    });
    expect(rates).toEqual(expected);
    for (const rate of [Number.NaN, -1, Number.POSITIVE_INFINITY]) {
      expect(() => race.setLearningRate(rate)).toThrow(DataError);
    }
  });

  it("goes on without a lane that is no longer finite, and its verdict says so", async () => {
    const events = await undisturbed({ lanes: [wild, narrow, wide] });
    const expected = await undisturbed();
    const ended = only(events, "ended");
    expect(ended.map(({ seed, lane }) => [seed, lane])).toEqual([
      [1, 0],
      [2, 0],
    ]);
    expect(ended[0]!.message).toMatch(/^step 1: weights are not finite — learning rate 3\.00e\+38/);
    const others = only(events, "step").map(({ lanes: [first, ...lanes], ...event }) => {
      expect(first).toBe(null);
      return { ...event, lanes, milliseconds: 0 };
    });
    expect(others).toEqual(told(only(expected, "step")));
    const last = only(events, "result").at(-1)!;
    expect(last.accuracies).toEqual([null, ...only(expected, "result").at(-1)!.accuracies]);
    expect(last.verdict.sentence).toMatch(/; wild did not finish 2 of 2 seeds$/);
  });

  it("ends a seed early if no lane is left", async () => {
    const events = await undisturbed({ lanes: [wild, { ...wild, name: "wilder" }] });
    expect(only(events, "step")).toEqual([]);
    expect(only(events, "ended").length).toBe(4);
    expect(only(events, "result").map(({ accuracies }) => accuracies)).toEqual([
      [null, null],
      [null, null],
    ]);
  });
});

describe("held, stopped and gone on, it comes to the same end", () => {
  it.each(["pause and step", "stop", "abort", "an error of onEvent"])("%s", async (what) => {
    const expected = told(await undisturbed({ sample }));
    const race = await make({ sample });
    const events: RaceEvent[] = [];
    let abort = new AbortController();
    let holds = 0;
    const onEvent = (event: RaceEvent): void => {
      events.push(event);
      if (event.type === "paused") {
        if (holds++ % 3 < 2) race.step();
        else race.resume();
      }
      if (event.type !== "step" || event.step % 4 !== 0) return;
      if (what === "stop") race.stop();
      if (what === "abort") abort.abort(new Error("enough"));
      if (what === "pause and step") race.pause();
      if (what === "an error of onEvent") throw new Error("mine");
    };
    const runs: (boolean | string)[] = [];
    while (race.results.seeds.length < 2) {
      abort = new AbortController();
      const run = race.run({ signal: abort.signal, onEvent });
      runs.push(
        await run.then(
          ({ stopped }) => stopped,
          (error: Error) => error.message,
        ),
      );
    }
    if (what === "pause and step") {
      expect(runs).toEqual([false]);
      expect(only(events, "paused").length).toBeGreaterThanOrEqual(6);
    } else {
      const left = { stop: true, abort: "enough", "an error of onEvent": "mine" }[what]!;
      expect(runs.filter((run) => run === left).length).toBeGreaterThanOrEqual(4);
    }
    // An error of onEvent loses what it was thrown at: the sample of that step.
    const most =
      what === "an error of onEvent" ? (events: unknown[]) => events.filter(isStep) : (e: unknown[]) => e;
    expect(most(told(events))).toEqual(most(expected));
  });

  it("single steps, from before the run on, are told one by one", async () => {
    const race = await make({ seeds: [1] });
    race.pause();
    const seen: string[] = [];
    const result = await race.run({
      onEvent: (event) => {
        seen.push("step" in event ? `${event.type} ${event.step}` : event.type);
        if (event.type === "paused") {
          if (event.step < 3) race.step();
          else race.stop();
        }
      },
    });
    expect(seen).toEqual([
      "seed",
      "paused 0",
      "step 1",
      "paused 1",
      "step 2",
      "paused 2",
      "step 3",
      "paused 3",
    ]);
    expect(result).toMatchObject({ stopped: true, seeds: [] });
    expect(result.verdict.sentence).toBe("narrow against wide: too early: 0 seeds");
  });

  it("held, its trainers predict, and an abort ends it", async () => {
    const race = await make();
    race.step();
    const abort = new AbortController();
    let trainers: readonly Trainer[] = [];
    const run = race.run({
      signal: abort.signal,
      onEvent: ({ type }) => {
        if (type !== "paused") return;
        trainers = race.trainers;
        void Promise.all(trainers.map((trainer) => trainer.predict(test))).then(() =>
          abort.abort(new Error("enough")),
        );
      },
    });
    await expect(run).rejects.toThrow("enough");
    expect(trainers.map(({ step }) => step)).toEqual([1, 1]);
  });
});

describe("a snapshot", () => {
  it.each([1, 4, 10, "the end of seed 1", 20])(
    "taken at %s goes on in a new race to the same end",
    async (at) => {
      const lanes = [wild, narrow, wide];
      const race = await make({ lanes, sample });
      const events: RaceEvent[] = [];
      let steps = 0;
      let taken: Promise<RaceSnapshot> | undefined;
      if (at === 1) race.step(); // Nothing is in flight when it is taken.
      await race.run({
        onEvent: (event) => {
          events.push(event);
          if (event.type === "step" && event.seed === 1 && event.step === 1) race.setLearningRate(0.03);
          if (event.type === "result" && at === `the end of seed ${event.seed}`) taken = race.snapshot();
          if (event.type === "step" && ++steps === at) taken = race.snapshot();
          if (event.type === "paused" && event.step < 3) race.step();
          else if (event.type === "paused") race.resume();
        },
      });
      const snapshot = structuredClone(await taken!);
      const copy = await make({ lanes, sample, snapshot });
      const later: RaceEvent[] = [];
      await copy.run({ onEvent: (event) => void later.push(event) });
      expect(later.length).toBeGreaterThan(0);
      expect(told(later)).toEqual(told(events).slice(-later.length));
      expect(copy.results).toEqual(race.results);
      expect(await copy.snapshot()).toEqual(await race.snapshot());
    },
  );

  it("of another race is refused", async () => {
    const race = await make();
    const snapshot = await race.snapshot();
    for (const options of [{ seeds: [2, 1] }, { lanes: [narrow, wide, { ...wide, name: "c" }] }]) {
      await expect(make({ ...options, snapshot })).rejects.toThrow(DataError);
    }
    const other = { ...wide, model: model(8) };
    await expect(make({ lanes: [narrow, other], snapshot })).rejects.toThrow("snapshot of wide");
  });
});

describe("calls that meet or come too late", () => {
  it("a second run is refused, and the first goes on", async () => {
    const race = await make();
    const run = race.run();
    await expect(race.run()).rejects.toThrow(BusyError);
    await expect(race.run()).rejects.toThrow("run is running");
    expect((await run).stopped).toBe(false);
  });

  it.each(["step", "sample", "paused", "seed", "result"])(
    "destroy at a %s rejects the run and frees all",
    async (type) => {
      const counted = countBuffers((await testGpu()).device);
      const race = await make({ sample });
      const { signal } = new AbortController();
      const listeners = new Set<unknown>();
      signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
      signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
      let after = 0;
      let destroyed: Promise<void> | undefined;
      if (type === "paused") race.pause();
      const run = race.run({
        signal,
        onEvent: (event) => {
          if (destroyed) after++;
          if (event.type === type) destroyed ??= race.destroy();
        },
      });
      await expect(run).rejects.toThrow(DestroyedError);
      await expect(run).rejects.toThrow("Race: was destroyed");
      await destroyed;
      await expect(race.run()).rejects.toThrow(DestroyedError);
      expect(after).toBe(0);
      expect(race.trainers).toEqual([]);
      await expect.poll(() => [...counted.alive(), ...listeners]).toEqual([]);
      counted.stop();
    },
  );

  it("destroy while the lanes of the next seed are made frees them", async () => {
    const counted = countBuffers((await testGpu()).device);
    let destroy = (): void => {};
    const build = (images: Tensor): Tensor => {
      destroy();
      return wide.model.build(images);
    };
    const race = await make({ lanes: [narrow, { ...wide, model: { ...wide.model, build } }] });
    const run = race.run({
      onEvent: ({ type }) => {
        if (type === "result") destroy = () => void race.destroy();
      },
    });
    await expect(run).rejects.toThrow(DestroyedError);
    await expect.poll(() => counted.alive()).toEqual([]);
    counted.stop();
  });

  it("a lost device ends the run, and later ones", async () => {
    const gpu = await openDevice();
    const race = await make({ gpu });
    const run = race.run({
      onEvent: ({ type }) => {
        if (type === "step") gpu.device.destroy();
      },
    });
    await expect(run).rejects.toThrow(DeviceLostError);
    await expect(race.run()).rejects.toThrow(DeviceLostError);
    gpu.destroy();
  });

  it("options and data that make no race are refused, and leave no memory behind", async () => {
    const counted = countBuffers((await testGpu()).device);
    const refused: [Partial<RaceOptions>, string][] = [
      [{ lanes: [narrow] }, "takes two lanes or more — got 1"],
      [{ lanes: [narrow, narrow] }, "names of their own — got narrow, narrow"],
      [{ seeds: [] }, "takes a seed or more"],
      [{ seeds: [1, 2, 1] }, "seeds must differ"],
      [{ epochs: 0 }, "epochs must be a positive whole number — got 0"],
      [{ sample: { ...sample, every: 0.5 } }, "sample.every must be a positive whole number"],
      [{ batchSize: 0 }, "batchSize must be a positive whole number"],
      [{ batchSize: 19 }, "got batchSize 19, but quarters has 18 examples"],
      [{ test: { ...test, shape: [4, 16, 1] } }, "expects images (8, 8, 1)"],
    ];
    for (const [options, message] of refused) {
      await expect(make(options), message).rejects.toThrow(message);
      await expect(make(options), message).rejects.toThrow(DataError);
    }
    await expect.poll(() => counted.alive()).toEqual([]);
    counted.stop();
  });
});
