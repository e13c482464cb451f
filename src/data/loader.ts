/** Cuts any data source into batches, and fetches the next ones while the GPU works. */
import { reasonOf } from "../base/download.ts";
import { DataError, DestroyedError, WebgraftError } from "../base/errors.ts";
import { pad4 } from "../graph/tensor.ts";
import type { Values } from "../run/values.ts";
import { BatchLoader, type BatchOptions, ExampleOrder } from "./batches.ts";
import { isDataset } from "./dataset.ts";
import type { DataSource, Examples } from "./source.ts";

/** What a network takes of each example: a shape without the number of examples; () for one number. */
export interface LoaderSpec {
  readonly shape: readonly number[];
  readonly dtype: "f32" | "i32" | "u32";
  /** For whole numbers that are 0 … below − 1, such as labels: the number of classes. */
  readonly below?: number;
  /** For f32 that are 0 … most, such as several labels: bytes are then numbers, not shares of 255. */
  readonly most?: number;
}

/** A batch as the GPU takes it. Valid until two more have been given. */
export interface LoadedBatch {
  /** (size, …shape) by name; the last axis of f32 shapes is zero-padded to a multiple of 4. */
  readonly values: Readonly<Record<string, Values<ArrayBuffer>>>;
  /** Number of examples: the batch size, or fewer at the end of an epoch. */
  readonly size: number;
}

/** Gives any batch of any epoch. */
export interface Loader {
  /** Number of examples. */
  readonly length: number;
  readonly batchSize: number;
  /** The batch that begins with example number `first` of an epoch, both counted from 0. */
  batchAt(epoch: number, first: number): LoadedBatch | Promise<LoadedBatch>;
  /** Ends what is still being fetched. */
  close(): void;
}

/** How a source is cut into batches and fetched. */
export interface LoaderOptions extends BatchOptions {
  /** How many batches are fetched ahead of the one that is asked for. Default 2. */
  readonly prefetch?: number;
  /** Rejects batches, those that are being fetched too, with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * A loader for any source: without waiting for a data set in memory, in batches of at most its length where the order is
 * that of the source. Throws DataError if a data set lacks what `specs` name.
 */
export function openLoader(
  source: DataSource,
  specs: Readonly<Record<string, LoaderSpec>>,
  options: LoaderOptions,
): Loader {
  const batchSize =
    options.shuffle === false ? Math.min(options.batchSize, source.length) : options.batchSize;
  if (!isDataset(source)) return new SourceLoader(source, specs, { ...options, batchSize });
  const missing = Object.keys(specs).find((name) => name !== "images" && name !== "labels");
  if (missing) {
    throw new DataError(
      `${source.name}: a data set in memory has images and labels — there is no ${missing}`,
    );
  }
  const loader = new BatchLoader(source, { ...options, batchSize });
  return {
    length: source.length,
    batchSize,
    batchAt(epoch, first) {
      const { images, labels, size } = loader.batchAt(epoch, first);
      return { values: { images, labels }, size };
    },
    close() {},
  };
}

/** A loader of the first `length` examples of each epoch. */
export function limited(loader: Loader, length: number): Loader {
  if (length === loader.length) return loader;
  const cut = ({ values, size }: LoadedBatch, left: number): LoadedBatch => {
    if (size <= left) return { values, size };
    const first = (all: Values<ArrayBuffer>) => all.subarray(0, (all.length / size) * left);
    const entries = Object.entries(values).map(([name, all]) => [name, first(all)] as const);
    return { values: Object.fromEntries(entries) as LoadedBatch["values"], size: left };
  };
  return {
    length,
    batchSize: loader.batchSize,
    batchAt(epoch, first) {
      const batch = loader.batchAt(epoch, first);
      const left = length - first;
      return batch instanceof Promise ? batch.then((batch) => cut(batch, left)) : cut(batch, left);
    },
    close: () => loader.close(),
  };
}

/** What has been asked of a source. */
interface Asked {
  readonly indices: Uint32Array;
  readonly examples: Examples | Promise<Examples>;
}

/**
 * Cuts a source into batches in the order of `BatchLoader`. Batches of one epoch are fetched ahead, `prefetch` at most,
 * unless the source answers at once; going elsewhere ends what is being fetched. What the source gives is checked:
 * `batchAt` rejects with a DataError that names source, batch and, where it is one, the example, for an error of the
 * source, for a name of `specs` that is missing, a length that does not fit, and a value that is not finite or, for
 * integers, not whole or out of range. Other names are left alone.
 */
export class SourceLoader implements Loader {
  readonly length: number;
  /** Examples in each batch but the last of an epoch, which may be smaller. */
  readonly batchSize: number;
  /** Number of batches, the smaller last one included. */
  readonly batchesPerEpoch: number;
  readonly #source: DataSource;
  readonly #specs: Readonly<Record<string, LoaderSpec>>;
  readonly #order: ExampleOrder;
  readonly #prefetch: number;
  readonly #signal: AbortSignal | undefined;
  /** What is fetched ahead in this epoch, by its first example. */
  readonly #ahead = new Map<number, Asked>();
  readonly #buffers: readonly [Record<string, Values<ArrayBuffer>>, Record<string, Values<ArrayBuffer>>];
  #fetching = new AbortController();
  /** Of what is being fetched, and of the caller. */
  #ended: AbortSignal;
  #closed = false;
  #epoch = 0;
  #turn: 0 | 1 = 0;

  constructor(
    source: DataSource,
    specs: Readonly<Record<string, LoaderSpec>>,
    { prefetch = 2, signal, ...options }: LoaderOptions,
  ) {
    if (!Number.isInteger(prefetch) || prefetch < 0) {
      throw new DataError(`SourceLoader: prefetch must be a whole number — got ${prefetch}`);
    }
    this.#order = new ExampleOrder("SourceLoader", source, options);
    this.batchSize = options.batchSize;
    this.length = source.length;
    this.batchesPerEpoch = Math.ceil(source.length / options.batchSize);
    this.#source = source;
    this.#specs = specs;
    this.#prefetch = prefetch;
    this.#signal = signal;
    this.#ended = this.#begin();
    const buffers = () =>
      Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, room(spec, options.batchSize)]));
    this.#buffers = [buffers(), buffers()];
  }

  async batchAt(epoch: number, first: number): Promise<LoadedBatch> {
    this.#signal?.throwIfAborted();
    if (this.#closed) throw closed();
    if (this.#ahead.size > 0 && (epoch !== this.#epoch || !this.#ahead.has(first))) {
      this.#abandon();
      this.#ended = this.#begin();
    }
    this.#epoch = epoch;
    const asked = this.#ahead.get(first) ?? this.#ask(first);
    this.#ahead.delete(first);
    if (asked.examples instanceof Promise) {
      for (let i = 1; i <= this.#prefetch; i++) {
        const next = first + i * this.batchSize;
        if (next < this.length && !this.#ahead.has(next)) this.#ahead.set(next, this.#ask(next));
      }
    }
    const { indices } = asked;
    try {
      const examples = await unlessAborted(asked.examples, this.#ended);
      return { values: this.#fill(examples, indices), size: indices.length };
    } catch (cause) {
      this.#signal?.throwIfAborted();
      if (cause instanceof WebgraftError && !(cause instanceof DataError)) throw cause;
      const { name = "the data source" } = this.#source;
      const batch = `batch ${Math.floor(first / this.batchSize)} of epoch ${epoch}`;
      throw new DataError(`${name}: ${batch}, of examples ${shortened(indices)}: ${reasonOf(cause)}`, {
        cause,
      });
    }
  }

  /** Batches that are being fetched reject with a DestroyedError, and so do later ones. */
  close(): void {
    this.#closed = true;
    this.#abandon();
  }

  #begin(): AbortSignal {
    this.#fetching = new AbortController();
    const { signal } = this.#fetching;
    return this.#signal ? AbortSignal.any([signal, this.#signal]) : signal;
  }

  #abandon(): void {
    this.#fetching.abort(closed());
    this.#ahead.clear();
  }

  #ask(first: number): Asked {
    const indices = this.#order.batchAt(this.#epoch, first).slice();
    try {
      const given = this.#source.batch(indices.slice(), { signal: this.#ended });
      if (!isPromise(given)) return { indices, examples: given };
      const examples = Promise.resolve(given);
      examples.catch(() => {}); // Thrown when its turn comes.
      return { indices, examples };
    } catch (error) {
      const examples = Promise.reject(error);
      examples.catch(() => {});
      return { indices, examples };
    }
  }

  #fill(examples: Examples, indices: Uint32Array): LoadedBatch["values"] {
    if (typeof examples !== "object" || examples === null) {
      throw new DataError(`batch must give arrays by name — got ${String(examples)}`);
    }
    this.#turn = this.#turn === 0 ? 1 : 0;
    const full = this.#buffers[this.#turn];
    return Object.fromEntries(
      Object.entries(this.#specs).map(([name, spec]) => {
        const given = examples[name];
        if (given === undefined) {
          throw new DataError(`${name} is missing — got ${Object.keys(examples).join(", ") || "nothing"}`);
        }
        const into = full[name]!;
        const length = (into.length / this.batchSize) * indices.length;
        return [name, fill(name, given, spec, indices, into.subarray(0, length) as Values<ArrayBuffer>)];
      }),
    );
  }
}

const closed = (): DestroyedError => new DestroyedError("SourceLoader: it was closed");

const isPromise = (value: unknown): value is PromiseLike<Examples> =>
  typeof value === "object" && value !== null && "then" in value;

/** The first of some indices. */
const shortened = (indices: Uint32Array): string =>
  indices.length > 4
    ? `${[...indices.subarray(0, 3)].join(", ")}, … (${indices.length})`
    : indices.join(", ");

/** What `promise` gives, but the signal's reason as soon as it aborts, even if the source does not heed it. */
function unlessAborted<T>(promise: T | Promise<T>, signal: AbortSignal): Promise<T> {
  if (!(promise instanceof Promise)) return Promise.resolve(promise);
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
    if (signal.aborted) abort();
  });
}

/** Numbers of an example in a row, and how many of them the row takes in memory. */
function rowOf({ shape, dtype }: LoaderSpec): { readonly row: number; readonly stored: number } {
  const row = shape.at(-1) ?? 1;
  return { row, stored: dtype === "f32" && shape.length > 0 ? pad4(row) : row };
}

const numbersIn = ({ shape }: LoaderSpec): number => shape.reduce((product, extent) => product * extent, 1);

/** Zeros for `size` examples. */
function room(spec: LoaderSpec, size: number): Values<ArrayBuffer> {
  const { row, stored } = rowOf(spec);
  const length = ((size * numbersIn(spec)) / row) * stored;
  if (spec.dtype === "f32") return new Float32Array(length);
  return spec.dtype === "i32" ? new Int32Array(length) : new Uint32Array(length);
}

/** Writes what a source gave, without padding, into zeros with padding; bytes for f32 stand for 0…1. */
function fill(
  name: string,
  given: Examples[string],
  spec: LoaderSpec,
  indices: Uint32Array,
  into: Values<ArrayBuffer>,
): Values<ArrayBuffer> {
  if (!(given instanceof Float32Array || given instanceof Int32Array || given instanceof Uint8Array)) {
    throw new DataError(`${name} must be a Float32Array, Int32Array or Uint8Array — got ${typeof given}`);
  }
  const each = numbersIn(spec);
  if (given.length !== indices.length * each) {
    throw new DataError(
      `${name} must have ${indices.length * each} values, ${indices.length} examples of (${spec.shape.join(", ")}) — ` +
        `got ${given.length}`,
    );
  }
  const isReal = spec.dtype === "f32";
  const { row, stored } = rowOf(spec);
  const scale = isReal && given instanceof Uint8Array ? byteScale(spec) : 1;
  if (stored === row && scale === 1) into.set(given);
  else spread(given, row, into, stored, scale);
  const { below, most } = spec;
  const bad = isReal ? notWithin(given, most) : notWhole(given, below);
  if (bad >= 0) {
    const real = most === undefined ? "finite" : `in [0, ${most}]`;
    const whole = below === undefined ? "whole numbers" : `0…${below - 1}`;
    throw new DataError(
      `${name} of example ${indices[Math.floor(bad / each)]} must be ${isReal ? real : whole} — ` +
        `got ${given[bad]} at value ${bad % each}`,
    );
  }
  return into;
}

/** What a byte stands for in f32. */
export const byteScale = ({ most }: Pick<LoaderSpec, "most">): number => (most === undefined ? 1 / 255 : 1);

/** Writes rows of values, times `scale`, into longer rows. */
function spread(
  from: Examples[string],
  row: number,
  into: Values<ArrayBuffer>,
  stored: number,
  scale: number,
): void {
  for (let start = 0, to = 0; start < from.length; start += row, to += stored) {
    for (let i = 0; i < row; i++) into[to + i] = from[start + i]! * scale;
  }
}

// Loops, not findIndex, which calls a function for each value.

/** The first value that is not finite or, with `most`, not 0 … most; −1 if there is none. */
export function notWithin(values: Examples[string], most?: number): number {
  if (values instanceof Uint8Array && most === undefined) return -1;
  const least = most === undefined ? -Infinity : 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value - value !== 0 || value < least || value > (most ?? Infinity)) return i;
  }
  return -1;
}

function notWhole(values: Examples[string], below: number | undefined): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isInteger(value) || (below !== undefined && !(value >= 0 && value < below))) return i;
  }
  return -1;
}
