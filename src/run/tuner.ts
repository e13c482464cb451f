/**
 * Measures the variants of tasks on a device and keeps the best. A variant is timed only if its result agrees with that
 * of the heuristic's choice. One that fails, or crashes the device, is never tried again.
 */
import {
  DataError,
  DestroyedError,
  DeviceLostError,
  OutOfMemoryError,
  WebgraftError,
} from "../base/errors.ts";
import { median } from "../base/numbers.ts";
import { Random } from "../base/random.ts";
import type { Gpu } from "../gpu/device.ts";
import { type Tuned, type TuningStore, taskKey } from "../gpu/tuning.ts";
import { browserStore } from "../gpu/tuning-store.ts";
import { Graph } from "../graph/graph.ts";
import { lowerForward } from "../graph/lower.ts";
import type { InputSpec, MeasurableTask, VariantInfo } from "../ops/tunable.ts";
import { type Outputs, openSession, type Session } from "./session.ts";
import type { Values } from "./values.ts";
import { Variables } from "./variables.ts";

/** How to measure kernels, and where to keep what was measured. */
export interface TuneOptions {
  /** Keeps measurements beyond the life of the page. Default the browser's IndexedDB. */
  readonly store?: TuningStore;
  /** Stops after the variant being measured; finished measurements are kept. */
  readonly signal?: AbortSignal;
  /** Called before each variant. */
  readonly onProgress?: (progress: TuneProgress) => void;
  /** Awaited before each variant; `() => new Promise(requestIdleCallback)` measures in idle time only. */
  readonly pause?: () => Promise<unknown>;
}

/** How far measuring is. */
export interface TuneProgress {
  /** Tasks finished, and tasks to measure in all. */
  readonly done: number;
  readonly total: number;
  /** The task, as in the table, and the variant about to be measured. */
  readonly task: string;
  readonly variant: string;
}

/** Runs a piece of work, some ten milliseconds on the GPU, when it may have the GPU for itself. */
export type Turn = <T>(work: () => Promise<T>) => Promise<T>;

const atOnce: Turn = (work) => work();

/** Rounds in which a variant and the best so far take turns, after a first run that rules out hopeless ones. */
const ROUNDS = 5;
/** Minimum length of a round in milliseconds, since timestamps are coarse. */
const ROUND_MS = 10;
/** A variant is dropped if its first run takes more than this many times as long as that of the best. */
const HOPELESS = 1.5;
/** A variant replaces the best so far if its time is at most this share of it; smaller gains are noise. */
const WORTH = 0.97;

/** Loads the store's measurements of this device and returns how many; 0 if the stored table is not valid. */
export async function loadTuning(gpu: Gpu, store: TuningStore = browserStore): Promise<number> {
  const table = await store.read(gpu.tuning.device);
  try {
    return table === undefined ? 0 : gpu.tuning.import(table);
  } catch (error) {
    if (error instanceof DataError) return 0;
    throw error;
  }
}

/**
 * Measures the tasks that have several variants and no measurement yet. Rejects with the signal's reason when it is
 * aborted, and with a DeviceError if a variant crashes the device: open the device again and go on; the store remembers
 * that variant. `turn` runs all that takes the GPU; nothing fails because that rejects with the signal's reason.
 */
export async function tuneTasks(
  gpu: Gpu,
  tasks: Iterable<MeasurableTask>,
  options: TuneOptions = {},
  turn: Turn = atOnce,
): Promise<void> {
  const { store = browserStore, signal, onProgress, pause } = options;
  const missing = [...new Map([...tasks].map((task) => [taskKey(task), task])).values()].filter(
    (task) => !gpu.tuning.get(task) && task.variants(gpu.capabilities).length > 1,
  );
  const save = (): Promise<void> => store.write(gpu.tuning.device, gpu.tuning.export());
  for (const [done, task] of missing.entries()) {
    const contest = new Contest(gpu, task, turn);
    try {
      for (const variant of task.variants(gpu.capabilities)) {
        const { name, varies } = variant;
        if (!gpu.tuning.allows(task, name) || (varies && !contest.leads(varies))) continue;
        signal?.throwIfAborted();
        await pause?.();
        onProgress?.({ done, total: missing.length, task: taskKey(task), variant: name });
        // Saved before the attempt: after a crash it may be too late.
        gpu.tuning.trying(task, name);
        await save();
        try {
          if (!(await contest.enter(variant))) gpu.tuning.fail(task, name);
        } catch (error) {
          // That the app ends the device or the measuring says nothing about the variant.
          const ended = error === signal?.reason || error instanceof DestroyedError;
          if (!ended) gpu.tuning.fail(task, name);
          throw error;
        } finally {
          gpu.tuning.trying(task, undefined);
        }
      }
      if (contest.result) gpu.tuning.set(task, contest.result);
    } finally {
      contest.destroy();
      await save();
    }
  }
}

/** A variant that is ready to run. */
interface Runner {
  readonly variant: VariantInfo;
  readonly session: Session;
  /** Time of its first timed run, in milliseconds. */
  readonly once: number;
}

/** Compares the variants of one task on the same inputs. */
class Contest {
  readonly #gpu: Gpu;
  readonly #task: MeasurableTask;
  readonly #turn: Turn;
  readonly #variables: Variables;
  /** The first variant's result and allowed error. */
  #reference: Result | undefined;
  #best: Runner | undefined;
  #tuned: Tuned | undefined;
  /** Product of the time ratios of successive winners: times from different moments are not comparable. */
  #gain = 1;

  constructor(gpu: Gpu, task: MeasurableTask, turn: Turn) {
    this.#gpu = gpu;
    this.#task = task;
    this.#turn = turn;
    this.#variables = new Variables(gpu);
  }

  /** The best variant so far, with its time and gain. */
  get result(): Tuned | undefined {
    return this.#tuned;
  }

  /** Whether the best so far is this variant or a variation of it. */
  leads(name: string): boolean {
    const { variant } = this.#best ?? {};
    return (variant?.varies ?? variant?.name) === name;
  }

  /**
   * Checks and times a variant; false if it cannot run or its result is wrong. One that only finds too little memory now
   * is left out. Rejects if the device is lost.
   */
  async enter(variant: VariantInfo): Promise<boolean> {
    const { name, error } = variant;
    let session: Session | undefined;
    let runner: Runner;
    try {
      const opened = await this.#open(name);
      session = opened;
      runner = await this.#turn(async () => {
        const result = { outputs: await opened.submit({}, { step: 1, seed: 0, learningRate: 0 }), error };
        this.#reference ??= result;
        if (!agree(this.#task, this.#reference, result)) throw new WebgraftError(`${name}: wrong result`);
        return { variant, session: opened, once: await opened.time(1) };
      });
    } catch (cause) {
      session?.destroy();
      // A lost device may refuse commands long before it reports the loss; then the variant is not merely wrong.
      const reason = await this.#gpu.blame(cause).catch((error: unknown) => error);
      if (reason instanceof OutOfMemoryError) return true;
      if (reason === cause && cause instanceof WebgraftError && !(cause instanceof DeviceLostError)) {
        const { device } = this.#gpu;
        await this.#gpu.guard("tune", () =>
          device.createBuffer({ size: 16, usage: 8 /* COPY_DST */ }).destroy(),
        );
        return false;
      }
      throw reason;
    }
    try {
      await this.#race(runner);
    } finally {
      if (this.#best !== runner) runner.session.destroy();
    }
    return true;
  }

  destroy(): void {
    this.#best?.session.destroy();
    this.#variables.destroy();
  }

  /** Keeps the faster of a runner and the best so far. */
  async #race(runner: Runner): Promise<void> {
    const { variant, session, once } = runner;
    const best = this.#best;
    if (best && once > HOPELESS * best.once) return;
    const replays = Math.ceil(ROUND_MS / Math.max(Math.min(once, best?.once ?? once), 0.01));
    const times: number[] = [];
    const bestTimes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await this.#turn(async () => {
        if (best) bestTimes.push(await best.session.time(replays));
        times.push(await session.time(replays));
      });
    }
    const milliseconds = median(times);
    const bestMilliseconds = best ? median(bestTimes) : milliseconds;
    if (best && milliseconds > WORTH * bestMilliseconds) return;
    best?.session.destroy();
    this.#best = runner;
    this.#gain *= bestMilliseconds / milliseconds;
    this.#tuned = { variant: variant.name, milliseconds, gain: this.#gain };
  }

  /** A session that runs one variant, whatever the table says, on inputs that all variants share. */
  async #open(name: string): Promise<Session> {
    const gpu = this.#gpu;
    const device = { ...gpu.capabilities, tuned: () => name };
    const graph = new Graph({ ...gpu.graphOptions, mode: "eval", device });
    const { inputs: specs, op } = this.#task.alone();
    const inputs = Object.fromEntries(
      Object.entries(specs).map(([name, { shape, dtype = "f32" }]) => [
        name,
        graph.tensor(name, shape, { role: "state", dtype }),
      ]),
    );
    const outputs = graph.apply(op, taskKey(this.#task), inputs, undefined);
    for (const [name, tensor] of Object.entries(outputs)) graph.output(name, tensor);
    if (!this.#reference) {
      for (const [name, spec] of Object.entries(specs)) {
        this.#variables.write(inputs[name]!, draw(spec, new Random(1, name)));
      }
    }
    return openSession(gpu, lowerForward(graph), this.#variables);
  }
}

/** A variant's outputs and its allowed error. */
export interface Result {
  readonly outputs: Outputs;
  readonly error: number;
}

/**
 * Whether two results of a task differ, in each output, by no more than the allowed errors of the two variants.
 * Integers must be equal. False if any float is NaN.
 */
export function agree(task: MeasurableTask, a: Result, b: Result): boolean {
  const { outputs, products } = task.alone();
  return Object.entries(outputs).every(([name, { dtype = "f32" }]) => {
    const [values, others] = [a.outputs[name] as Float32Array, b.outputs[name] as Float32Array];
    if (dtype === "i32" || dtype === "u32") return values.every((value, i) => value === others[i]);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Two results stored as f16 may be rounded to neighbouring values.
    const stored = dtype === "f16" ? 2 ** -10 : 0;
    const allowed = (stored + 1e-6 * Math.sqrt(products) * (a.error + b.error)) * largest;
    return values.every((value, i) => Math.abs(value - others[i]!) <= allowed);
  });
}

/** Values for an input: a few thousand, repeated, since drawing millions would take longer than measuring. */
function draw(
  { shape, dtype = "f32", value = (random) => 2 * random.uniform() - 1 }: InputSpec,
  random: Random,
): Values {
  const ArrayOf = dtype === "i32" ? Int32Array : dtype === "u32" ? Uint32Array : Float32Array;
  const few = new ArrayOf(4099).map(() => value(random));
  const values = new ArrayOf(shape.reduce((product, extent) => product * extent, 1));
  for (let at = 0; at < values.length; at += few.length) values.set(few.subarray(0, values.length - at), at);
  return values;
}
