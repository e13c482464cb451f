import { atOnce } from "../base/at-once.ts";
import { reasonOf } from "../base/download.ts";
import { DataError, WebgraftError } from "../base/errors.ts";

/** Anything that gives examples by their index: larger than memory, computed, or fetched while the GPU works. */
export interface DataSource {
  /** What errors call it. */
  readonly name?: string;
  /** Number of examples. */
  readonly length: number;
  /**
   * The examples with these indices, 0 … length − 1 in any order: for each input and target of the network, by its name,
   * values of (indices.length, …shape) row by row, without padding. `images` and `labels` are those of a classifier.
   *
   * It may be called for the next batches while the GPU works on this one, so the arrays have to stay as they are. The
   * signal aborts when nobody waits for them any more.
   */
  batch(indices: Uint32Array, options: { readonly signal?: AbortSignal }): Examples | Promise<Examples>;
}

/**
 * Values of examples by the names of inputs and targets. For those of type f32, bytes stand for 0…1 in steps of 1/255;
 * for whole numbers, such as labels, they are numbers.
 */
export type Examples = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

/** A source that gives one example at a time, for `sourceOf`. */
export interface SourceOptions {
  /** What errors call it. */
  readonly name?: string;
  /** Number of examples. */
  readonly length: number;
  /** How many examples of a batch are asked for at once. Default 8. */
  readonly atOnce?: number;
  /** One example: values by name, or a number for shapes without axes, such as a label. */
  example(index: number, options: { readonly signal: AbortSignal }): Example | Promise<Example>;
}

type Example = Readonly<Record<string, Examples[string] | number>>;

/**
 * A source of a function that gives one example, such as one that reads a file. Its errors become a DataError with the
 * number of the example; an example that lacks a name, or has values of another type or number than the first of its
 * batch, is one too.
 *
 *     const source = sourceOf({
 *       length: files.length,
 *       async example(index, { signal }) {
 *         const response = await fetch(files[index].url, { signal });
 *         return { spectrum: new Float32Array(await response.arrayBuffer()), labels: files[index].label };
 *       },
 *     });
 */
export function sourceOf({ name, length, atOnce: limit = 8, example }: SourceOptions): DataSource {
  return {
    ...(name !== undefined && { name }),
    length,
    async batch(indices, { signal }) {
      const examples: Example[] = [];
      await atOnce(limit, indices.length, signal, async (i, signal) => {
        const index = indices[i]!;
        try {
          examples[i] = await example(index, { signal });
        } catch (cause) {
          signal.throwIfAborted();
          if (cause instanceof WebgraftError && !(cause instanceof DataError)) throw cause;
          throw new DataError(`example ${index}: ${reasonOf(cause)}`, { cause });
        }
      });
      return joined(examples, indices);
    },
  };
}

/** The values of examples, one after another. */
function joined(examples: readonly Example[], indices: Uint32Array): Examples {
  const all = Object.entries(examples[0] ?? {}).map(([name, value]) => {
    const first = asArray(value);
    const joined = new (first.constructor as Float32ArrayConstructor)(examples.length * first.length);
    examples.forEach((example, i) => {
      const given = example[name];
      if (given === undefined) throw new DataError(`example ${indices[i]}: ${name} is missing`);
      const values = asArray(given);
      if (values.constructor !== first.constructor || values.length !== first.length) {
        throw new DataError(
          `example ${indices[i]}: ${name} is a ${textOf(values)} — that of example ${indices[0]} is a ${textOf(first)}`,
        );
      }
      joined.set(values, i * first.length);
    });
    return [name, joined] as const;
  });
  return Object.fromEntries(all);
}

const asArray = (value: Example[string]): Examples[string] =>
  typeof value === "number" ? Float32Array.of(value) : value;

const textOf = (values: Examples[string]): string => `${values.constructor.name} of ${values.length}`;
