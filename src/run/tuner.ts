/**
 * Measures the variants of tasks on a device and keeps the best. A variant's result must agree with that of the
 * heuristic's choice before it is timed; what fails is never tried again, also where it took the device down.
 */
import { DataError, DeviceLostError, WebgraftError } from "../base/errors.ts";
import { median } from "../base/numbers.ts";
import { Random } from "../base/random.ts";
import type { Gpu } from "../gpu/device.ts";
import { type Tuned, type TuningStore, taskKey } from "../gpu/tuning.ts";
import { browserStore } from "../gpu/tuning-store.ts";
import { Graph } from "../graph/graph.ts";
import { lower } from "../graph/lower.ts";
import type { InputSpec, MeasurableTask, VariantInfo } from "../ops/tunable.ts";
import { type Outputs, openSession, type Session } from "./session.ts";
import type { Values } from "./values.ts";
import { Variables } from "./variables.ts";

export interface TuneOptions {
  /** Where measurements outlive the page. Default the browser's IndexedDB. */
  readonly store?: TuningStore;
  /** Ends after the variant that is being measured; what was measured stays. */
  readonly signal?: AbortSignal;
  /** Called before each variant. */
  readonly onProgress?: (progress: TuneProgress) => void;
  /** Awaited before each variant, so that measuring can keep to idle time: `() => new Promise(requestIdleCallback)`. */
  readonly pause?: () => Promise<unknown>;
}

export interface TuneProgress {
  /** Tasks done, and all that are to be measured. */
  readonly done: number;
  readonly total: number;
  /** The task, as in the table, and the variant that is measured next. */
  readonly task: string;
  readonly variant: string;
}

/** Rounds in which a variant and the best so far take turns, after one that only sees whether it has a chance. */
const ROUNDS = 5;
/** How long a round lasts at least, milliseconds: timestamps are coarse. */
const ROUND_MS = 10;
/** A variant that takes so many times as long as the best at first has no chance. */
const HOPELESS = 1.5;
/** What a variant must save to be taken instead of the best so far: less is noise. */
const WORTH = 0.97;

/** Takes over what the store has of this device; returns how many tasks that were: none of what is no table. */
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
 * Measures those of `tasks` that leave a choice and of which the device knows no best variant. Rejects with the
 * signal's reason, and with the DeviceError where a variant took the device down: open it again and go on, the variant
 * is remembered.
 */
export async function tuneTasks(
  gpu: Gpu,
  tasks: Iterable<MeasurableTask>,
  options: TuneOptions = {},
): Promise<void> {
  const { store = browserStore, signal, onProgress, pause } = options;
  const missing = [...new Map([...tasks].map((task) => [taskKey(task), task])).values()].filter(
    (task) => !gpu.tuning.get(task) && task.variants(gpu.capabilities).length > 1,
  );
  const save = (): Promise<void> => store.write(gpu.tuning.device, gpu.tuning.export());
  for (const [done, task] of missing.entries()) {
    const contest = new Contest(gpu, task);
    try {
      for (const variant of task.variants(gpu.capabilities)) {
        const { name, varies } = variant;
        if (!gpu.tuning.allows(task, name) || (varies && !contest.leads(varies))) continue;
        signal?.throwIfAborted();
        await pause?.();
        onProgress?.({ done, total: missing.length, task: taskKey(task), variant: name });
        // Written down before it is tried, for nothing may be left to write afterwards.
        gpu.tuning.trying(task, name);
        await save();
        try {
          if (!(await contest.enter(variant))) gpu.tuning.fail(task, name);
        } catch (error) {
          gpu.tuning.fail(task, name);
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
  /** What its first timed run took, milliseconds. */
  readonly once: number;
}

/** The variants of one task against each other, on one set of inputs. */
class Contest {
  readonly #gpu: Gpu;
  readonly #task: MeasurableTask;
  readonly #variables: Variables;
  /** The first variant's result, and the error that it is allowed. */
  #reference: Result | undefined;
  #best: Runner | undefined;
  #tuned: Tuned | undefined;
  /** Product of the ratios of those that raced: times of different moments do not compare. */
  #gain = 1;

  constructor(gpu: Gpu, task: MeasurableTask) {
    this.#gpu = gpu;
    this.#task = task;
    this.#variables = new Variables(gpu);
  }

  /** The best so far, with its times. */
  get result(): Tuned | undefined {
    return this.#tuned;
  }

  /** Whether the best so far is this variant or varies it. */
  leads(name: string): boolean {
    const { variant } = this.#best ?? {};
    return (variant?.varies ?? variant?.name) === name;
  }

  /** Checks and times a variant; false where it cannot be made or is wrong. Rejects where the device is lost. */
  async enter(variant: VariantInfo): Promise<boolean> {
    const { name, error } = variant;
    let session: Session | undefined;
    let runner: Runner;
    try {
      session = await this.#open(name);
      const outputs = await session.submit({}, { step: 1, seed: 0, learningRate: 0 });
      const result = { outputs, error };
      this.#reference ??= result;
      if (!agree(this.#task, this.#reference, result)) throw new WebgraftError(`${name}: a wrong result`);
      runner = { variant, session, once: await session.time(1) };
    } catch (cause) {
      session?.destroy();
      // A lost device may refuse commands long before it says that it is lost: then the variant is not merely wrong.
      const reason = await this.#gpu.blame(cause).catch((error: unknown) => error);
      if (reason === cause && cause instanceof WebgraftError && !(cause instanceof DeviceLostError)) {
        const { device } = this.#gpu;
        await this.#gpu.guard("tune", () =>
          device.createBuffer({ size: 16, usage: 8 /* COPY_DST */ }).destroy(),
        );
        return false;
      }
      throw reason;
    }
    await this.#race(runner);
    return true;
  }

  destroy(): void {
    this.#best?.session.destroy();
    this.#variables.destroy();
  }

  /** Keeps the better of a runner and the best so far. */
  async #race(runner: Runner): Promise<void> {
    const { variant, session, once } = runner;
    const best = this.#best;
    if (best && once > HOPELESS * best.once) return session.destroy();
    const replays = Math.ceil(ROUND_MS / Math.max(Math.min(once, best?.once ?? once), 0.01));
    const times: number[] = [];
    const bestTimes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      if (best) bestTimes.push(await best.session.time(replays));
      times.push(await session.time(replays));
    }
    const milliseconds = median(times);
    const bestMilliseconds = best ? median(bestTimes) : milliseconds;
    if (best && milliseconds > WORTH * bestMilliseconds) return session.destroy();
    best?.session.destroy();
    this.#best = runner;
    this.#gain *= bestMilliseconds / milliseconds;
    this.#tuned = { variant: variant.name, milliseconds, gain: this.#gain };
  }

  /** A session that runs one variant, whatever the table says, on inputs that all share. */
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
    return openSession(gpu, lower(graph), this.#variables);
  }
}

/** What a variant gave, and the error that it is allowed. */
export interface Result {
  readonly outputs: Outputs;
  readonly error: number;
}

/**
 * Whether two results of a task differ, in each output, by no more than the errors that their variants are allowed;
 * whole numbers may not differ. False where one holds what is no number.
 */
export function agree(task: MeasurableTask, a: Result, b: Result): boolean {
  const { outputs, products } = task.alone();
  return Object.entries(outputs).every(([name, { dtype = "f32" }]) => {
    const [values, others] = [a.outputs[name] as Float32Array, b.outputs[name] as Float32Array];
    if (dtype === "i32" || dtype === "u32") return values.every((value, i) => value === others[i]);
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Two results that are stored as f16 may be rounded to neighbours.
    const stored = dtype === "f16" ? 2 ** -10 : 0;
    const allowed = (stored + 1e-6 * Math.sqrt(products) * (a.error + b.error)) * largest;
    return values.every((value, i) => Math.abs(value - others[i]!) <= allowed);
  });
}

/** Values for an input, a few over and over: to draw millions would take longer than to measure. */
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
