/** What was measured on one device: which variant of each task is best, and which must not be tried again. */
import { DataError } from "../base/errors.ts";
import type { Task } from "../kernel/capabilities.ts";
import { SHADERS_HASH } from "../kernel/shaders-hash.gen.ts";

/** A task's measurements. */
export interface Tuned {
  /** Name of the best variant. */
  readonly variant: string;
  /** What it takes. */
  readonly milliseconds: number;
  /** How many times as long the heuristic's choice takes. */
  readonly gain: number;
}

/** All measurements of one device, as JSON; keys are those of `taskKey`. */
export interface TuningTable {
  readonly format: typeof FORMAT;
  /** Adapter, browser with its major version, and the library's shaders: measurements count for these alone. */
  readonly device: string;
  readonly tuned: Readonly<Record<string, Tuned>>;
  /** Variants that gave a wrong result or an error, or took the device down. */
  readonly failed: Readonly<Record<string, readonly string[]>>;
  /** What was tried when the table was written. If that is the last that was heard, it took the device down. */
  readonly trying?: { readonly task: string; readonly variant: string };
}

/** Where tables outlive the page. */
export interface TuningStore {
  /** What was written last for this device, as it is; nothing where there is none. */
  read(device: string): Promise<unknown>;
  write(device: string, table: TuningTable): Promise<void>;
}

const FORMAT = "webgraft-tuning-2";
/** Formats of earlier versions, whose tasks were named otherwise. */
const EARLIER: readonly unknown[] = ["webgraft-tuning-1"];

/** A task in words: `dense forward N=8 C=512 K=10`, and ` f16` where that is what activations are stored as. */
export function taskKey({ op, pass, key, dtype }: Task): string {
  const fields = Object.entries(key).map(([name, value]) => `${name}=${value}`);
  return [op, pass, ...fields, ...(dtype ? [dtype] : [])].join(" ");
}

/** The measurements that hold for one device. */
export class Tuning {
  readonly device: string;
  readonly #tuned = new Map<string, Tuned>();
  readonly #failed = new Map<string, Set<string>>();
  #trying: TuningTable["trying"];

  constructor(adapter: string) {
    this.device = [adapter, browser(), `shaders ${SHADERS_HASH}`].join(", ");
  }

  /** The measurements of a task, if there are any. */
  get(task: Task): Tuned | undefined {
    return this.#tuned.get(taskKey(task));
  }

  set(task: Task, tuned: Tuned): void {
    this.#tuned.set(taskKey(task), tuned);
  }

  /** Whether a variant may be tried. */
  allows(task: Task, variant: string): boolean {
    return !this.#failed.get(taskKey(task))?.has(variant);
  }

  /** Says that a variant is about to be tried, or (`undefined`) that it came through. */
  trying(task: Task, variant: string | undefined): void {
    this.#trying = variant === undefined ? undefined : { task: taskKey(task), variant };
  }

  /** Remembers never to take a variant for a task. */
  fail(task: Task, variant: string): void {
    this.#fail(taskKey(task), variant);
  }

  /** The table, for a file or for other machines with this adapter and browser. */
  export(): TuningTable {
    const failed = [...this.#failed].map(([key, variants]) => [key, [...variants]] as const);
    return {
      format: FORMAT,
      device: this.device,
      tuned: Object.fromEntries(this.#tuned),
      failed: Object.fromEntries(failed),
      ...(this.#trying && { trying: this.#trying }),
    };
  }

  /**
   * Adds the measurements of a table to these and returns how many there were: none where the table is of another
   * device. Plans that are made from now on take them. Throws DataError where it is no table, or one of an earlier
   * version.
   */
  import(table: unknown): number {
    const { device, tuned, failed, trying } = check(table);
    if (device !== this.device) return 0;
    for (const [task, variants] of Object.entries(failed)) {
      for (const variant of variants) this.#fail(task, variant);
    }
    if (trying) this.#fail(trying.task, trying.variant);
    const good = Object.entries(tuned).filter(([task, { variant }]) => !this.#failed.get(task)?.has(variant));
    for (const [task, result] of good) this.#tuned.set(task, result);
    return good.length;
  }

  #fail(task: string, variant: string): void {
    const variants = this.#failed.get(task) ?? new Set();
    this.#failed.set(task, variants.add(variant));
    if (this.#tuned.get(task)?.variant === variant) this.#tuned.delete(task);
  }
}

/** `Chrome 140`: kernels are compiled by the browser, so that its version matters. */
function browser(): string {
  const agent = globalThis.navigator?.userAgent ?? "";
  const [, name, major] =
    /(Firefox|Edg|OPR|Deno|Node\.js)\/(\d+)/.exec(agent) ?? /(Chrome|Version)\/(\d+)/.exec(agent) ?? [];
  return name ? `${name} ${major}` : "unknown browser";
}

/** A table from outside. What its names mean is checked where they are used: unknown ones count for nothing. */
function check(table: unknown): TuningTable {
  const refuse = (reason: string): never => {
    throw new DataError(`tuning table: ${reason}`);
  };
  const record = (value: unknown, what: string): Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : refuse(`${what} is no object`);
  const { format, device, tuned, failed, trying } = record(table, "it");
  if (EARLIER.includes(format)) {
    refuse(
      `it is of an earlier version, ${format}, which this one does not read — measure again: tune(gpu, model), ` +
        '`tune: "full"` of a Trainer, or --tune full on the command line',
    );
  }
  if (format !== FORMAT) refuse(`its format must be ${FORMAT} — got ${JSON.stringify(format)}`);
  if (typeof device !== "string") refuse("device is no text");
  for (const [task, value] of Object.entries(record(tuned, "tuned"))) {
    const { variant, milliseconds, gain } = record(value, task);
    if (typeof variant !== "string") refuse(`the variant of ${task} is no text`);
    if (![milliseconds, gain].every((time) => typeof time === "number" && time >= 0)) {
      refuse(`the numbers of ${task} are none`);
    }
  }
  for (const [task, value] of Object.entries(record(failed, "failed"))) {
    if (!Array.isArray(value) || value.some((variant) => typeof variant !== "string")) {
      refuse(`the failures of ${task} are no texts`);
    }
  }
  if (trying !== undefined) {
    const { task, variant } = record(trying, "trying");
    if (typeof task !== "string" || typeof variant !== "string") refuse("what was tried is no text");
  }
  return table as TuningTable;
}
