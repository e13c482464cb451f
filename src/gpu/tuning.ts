/** Measurements of one device: the best variant of each task, and those that must not be tried again. */
import { DataError } from "../base/errors.ts";
import {
  anyObject,
  check,
  flag,
  list,
  object,
  optional,
  record,
  type Schema,
  string,
  value,
} from "../base/schema.ts";
import type { Task } from "../kernel/capabilities.ts";
import { SHADERS_HASH } from "../kernel/shaders-hash.gen.ts";

/** A task's measurements. */
export interface Tuned {
  /** Name of the best variant. */
  readonly variant: string;
  /** Its time. */
  readonly milliseconds: number;
  /** Time of the heuristic's choice divided by that of this variant. */
  readonly gain: number;
}

/** All measurements of one device, as JSON; the keys come from `taskKey`. */
export interface TuningTable {
  readonly format: typeof FORMAT;
  /** Adapter, browser with its major version, and the library's shaders: measurements hold only for these. */
  readonly device: string;
  readonly tuned: Readonly<Record<string, Tuned>>;
  /** Variants that gave a wrong result or an error, or crashed the device. The key of a task without extents is of all. */
  readonly failed: Readonly<Record<string, readonly string[]>>;
  /**
   * The variant being tried when the table was written. Still set in a later session, the page ended meanwhile: it was
   * closed or, the second time in a row (`again`), the variant crashed it.
   */
  readonly trying?: { readonly task: string; readonly variant: string; readonly again?: boolean };
  /** Kernels that a self-test has found right. */
  readonly tested?: readonly string[];
}

/** Keeps tables beyond the life of the page. */
export interface TuningStore {
  /** The last table written for this device, unchecked; undefined if there is none. */
  read(device: string): Promise<unknown>;
  /** Keeps the table in place of the device's last one. */
  write(device: string, table: TuningTable): Promise<void>;
}

const FORMAT = "webgraft-tuning-2";
/** Formats of earlier versions, which named tasks differently. */
const EARLIER: readonly unknown[] = ["webgraft-tuning-1"];

const notNegative = value<number>("a number ≥ 0", (value) => Number.isFinite(value) && Number(value) >= 0);

const tableSchema: Schema<TuningTable> = object({
  format: value<typeof FORMAT>(FORMAT, (value) => value === FORMAT),
  device: string,
  tuned: record(object({ variant: string, milliseconds: notNegative, gain: notNegative })),
  failed: record(list(string)),
  trying: optional(object({ task: string, variant: string, again: optional(flag) })),
  tested: optional(list(string)),
});

/** A task in words: `dense forward N=8 C=512 K=10`, followed by ` f16` where activations are stored as f16. */
export function taskKey({ op, pass, key, dtype }: Task): string {
  const fields = Object.entries(key).map(([name, value]) => `${name}=${value}`);
  return [op, pass, ...fields, ...(dtype ? [dtype] : [])].join(" ");
}

/** All tasks of this one's pass, whatever their extents. */
export const allOf = (task: Task): Task => ({ ...task, key: {} });

/** The key of all tasks of a task's pass. */
const withoutExtents = (key: string): string => key.replace(/ \w+=\d+/g, "");

type Trying = TuningTable["trying"];

const same = (a: Trying, b: Trying): boolean =>
  a !== undefined && a.task === b?.task && a.variant === b.variant;

/** The measurements of one device. */
export class Tuning {
  /** Adapter, browser with its major version, and the library's shaders. */
  readonly device: string;
  readonly #tuned = new Map<string, Tuned>();
  readonly #failed = new Map<string, Set<string>>();
  /** Kernels that a self-test has found right, by its names for them. */
  readonly tested = new Set<string>();
  #trying: Trying;
  /** What an earlier session was trying when it ended. */
  #suspect: Trying;

  constructor(adapter: string) {
    this.device = [adapter, browser(), `shaders ${SHADERS_HASH}`].join(", ");
  }

  /** The measurement of a task, if there is one. */
  get(task: Task): Tuned | undefined {
    const key = taskKey(task);
    const tuned = this.#tuned.get(key);
    return tuned && this.#allows(key, tuned.variant) ? tuned : undefined;
  }

  /** The best variants so far, by task; later measurements do not change it. */
  choices(): Readonly<Record<string, string>> {
    const choices = [...this.#tuned].map(([task, { variant }]) => [task, variant] as const);
    return Object.fromEntries(choices.filter(([task, variant]) => this.#allows(task, variant)));
  }

  /** Keeps a measurement. */
  set(task: Task, tuned: Tuned): void {
    this.#tuned.set(taskKey(task), tuned);
  }

  /** Whether a variant may be used. */
  allows(task: Task, variant: string): boolean {
    return this.#allows(taskKey(task), variant);
  }

  /** Notes that a variant is about to be tried or, with `undefined`, that trying it has ended. */
  trying(task: Task, variant: string | undefined): void {
    const trying = variant === undefined ? undefined : { task: taskKey(task), variant };
    this.#trying = trying && { ...trying, ...(same(trying, this.#suspect) && { again: true }) };
  }

  /** Bars a variant for good: from a task or, with `allOf(task)`, from all of its pass. */
  fail(task: Task, variant: string): void {
    this.#fail(taskKey(task), variant);
  }

  /** The table, to save or to use on other machines with this adapter and browser. */
  export(): TuningTable {
    const failed = [...this.#failed].map(([key, variants]) => [key, [...variants]] as const);
    return {
      format: FORMAT,
      device: this.device,
      tuned: Object.fromEntries(this.#tuned),
      failed: Object.fromEntries(failed),
      ...(this.#trying && { trying: this.#trying }),
      ...(this.tested.size > 0 && { tested: [...this.tested] }),
    };
  }

  /**
   * Adds the measurements of a table and returns how many were added: 0 if the table is from another device. Plans
   * made from now on use them. Throws DataError if `table` is not a valid table or was made by an earlier version.
   */
  import(table: unknown): number {
    const { device, tuned, failed, trying, tested = [] } = checkTable(table);
    if (device !== this.device) return 0;
    for (const [task, variants] of Object.entries(failed)) {
      for (const variant of variants) this.#fail(task, variant);
    }
    // What is being tried now, by this session, is no suspect.
    if (!same(trying, this.#trying)) {
      if (trying?.again) this.#fail(trying.task, trying.variant);
      else this.#suspect = trying;
    }
    for (const kernel of tested) this.tested.add(kernel);
    const good = Object.entries(tuned).filter(([task, { variant }]) => !this.#failed.get(task)?.has(variant));
    for (const [task, result] of good) this.#tuned.set(task, result);
    return good.length;
  }

  #allows(task: string, variant: string): boolean {
    return ![task, withoutExtents(task)].some((key) => this.#failed.get(key)?.has(variant));
  }

  #fail(task: string, variant: string): void {
    const variants = this.#failed.get(task) ?? new Set();
    this.#failed.set(task, variants.add(variant));
    if (this.#tuned.get(task)?.variant === variant) this.#tuned.delete(task);
  }
}

/** Such as `Chrome 140`: the browser compiles the kernels, so its version matters. */
function browser(): string {
  const agent = globalThis.navigator?.userAgent ?? "";
  const [, name, major] =
    /(Firefox|Edg|OPR|Deno|Node\.js)\/(\d+)/.exec(agent) ?? /(Chrome|Version)\/(\d+)/.exec(agent) ?? [];
  return name ? `${name} ${major}` : "unknown browser";
}

/** Checks the form of a table from outside. Unknown tasks and variants are ignored where they are looked up. */
function checkTable(table: unknown): TuningTable {
  const { format } = check(anyObject, table, "tuning table", DataError);
  if (EARLIER.includes(format)) {
    throw new DataError(
      `tuning table: the format ${format} is of an earlier version and cannot be read — measure again: ` +
        'tune(gpu, model), `tune: "full"` in a Trainer, or --tune full on the command line',
    );
  }
  return check(tableSchema, table, "tuning table", DataError);
}
