import type { Gpu } from "../../gpu/device.ts";
import { taskKey } from "../../gpu/tuning.ts";
import type { MeasurableTask } from "../../ops/tunable.ts";
import { type TuneOptions, tuneTasks } from "../../run/tuner.ts";

/** So many tasks are measured: the largest ones take most of a step. */
const TASKS = 4;
/** Share of the time that measuring may take while it lasts. */
const SHARE = 0.2;

/** Devices on which something measures: two at once would disturb each other. */
const measuring = new WeakSet<Gpu>();

/**
 * Measures a model's largest tasks between the steps of a `fit`, a little at a time, for plans made later. What fails
 * here only leaves kernels unmeasured: a lost device ends the `fit` itself.
 */
export class IdleTuning {
  readonly #gpu: Gpu;
  readonly #tasks: () => readonly MeasurableTask[];
  readonly #options: Pick<TuneOptions, "store">;
  #run: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;
  /** What is ready to run on the GPU. */
  #piece: { run(): Promise<void>; refuse(reason: unknown): void } | undefined;
  #notBefore = 0;
  #isDone = false;

  /** `tasks` gives those of a step, as often as they are in it. */
  constructor(gpu: Gpu, tasks: () => readonly MeasurableTask[], options: Pick<TuneOptions, "store">) {
    this.#gpu = gpu;
    this.#tasks = tasks;
    this.#options = options;
  }

  /** Measures while `fit` lasts; where it only pauses, the next one goes on with the task under way. */
  async during<T>(fit: () => Promise<T>, goesOn: () => boolean): Promise<T> {
    this.#start();
    try {
      return await fit();
    } finally {
      if (!goesOn()) await this.stop();
    }
  }

  /** Begins, or goes on, to measure what is not in the table yet. */
  #start(): void {
    if (this.#isDone || this.#run || measuring.has(this.#gpu)) return;
    const abort = new AbortController();
    measuring.add(this.#gpu);
    const ended = this.#measure(abort.signal)
      .catch(() => {})
      .finally(() => {
        measuring.delete(this.#gpu);
      });
    this.#run = { abort, ended };
  }

  async #measure(signal: AbortSignal): Promise<void> {
    const options = { ...this.#options, signal };
    await tuneTasks(this.#gpu, largest(this.#tasks()), options, (work) => this.#between(work, signal));
    this.#isDone = true;
  }

  /** Whether `work` has something to do now. */
  get ready(): boolean {
    return this.#piece !== undefined && performance.now() >= this.#notBefore;
  }

  /** Lets one piece of work have the GPU, once it has done what was submitted before. */
  async work(): Promise<void> {
    await this.#gpu.during(this.#gpu.device.queue.onSubmittedWorkDone());
    const piece = this.#piece;
    this.#piece = undefined;
    const start = performance.now();
    await piece?.run();
    const now = performance.now();
    this.#notBefore = now + (now - start) * (1 / SHARE - 1);
  }

  /** Gives up the task under way, frees its memory, and keeps what is measured. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    run.abort.abort();
    this.#piece?.refuse(run.abort.signal.reason);
    this.#piece = undefined;
    await run.ended;
    if (this.#run === run) this.#run = undefined;
  }

  /** Runs `work` when `work()` is called next. */
  #between<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#piece = { run: () => work().then(resolve, reject), refuse: reject };
    });
  }
}

/** The tasks with the most products in a step, all their places in it together. */
function largest(tasks: readonly MeasurableTask[]): readonly MeasurableTask[] {
  const totals = new Map<string, { readonly task: MeasurableTask; products: number }>();
  for (const task of tasks) {
    const key = taskKey(task);
    const total = totals.get(key) ?? { task, products: 0 };
    total.products += productsOf(task);
    totals.set(key, total);
  }
  const sorted = [...totals.values()].sort((a, b) => b.products - a.products);
  return sorted.slice(0, TASKS).map(({ task }) => task);
}

function productsOf(task: MeasurableTask): number {
  const { outputs, products } = task.alone();
  const lengths = Object.values(outputs).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  return products * Math.max(...lengths);
}
