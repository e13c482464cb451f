import { DataError } from "../../base/errors.ts";
import { byteScale } from "../../data/loader.ts";
import type { DataSource, Examples } from "../../data/source.ts";
import { pad } from "../../graph/tensor.ts";
import type { Fed, Objective } from "../objective.ts";

const lengthOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/**
 * How many examples these are. Throws DataError if they lack one of the names that `wanted` has, have one that the
 * objective does not know, or do not fit the network.
 */
export function countExamples(
  operation: string,
  { inputs, targets }: Objective,
  wanted: Objective["inputs"],
  examples: Examples,
): number {
  const fail = (reason: string): never => {
    throw new DataError(`${operation}: ${reason}`);
  };
  const known = { ...inputs, ...targets };
  const expected = `the network has ${Object.keys(known).join(", ")}`;
  const given = Object.keys(examples);
  const unknown = given.find((name) => !Object.hasOwn(known, name));
  if (unknown) fail(`there is no input or target ${unknown} — ${expected}`);
  let first: readonly [name: string, count: number] | undefined;
  for (const [name, { shape, dtype }] of Object.entries(wanted)) {
    const values = examples[name];
    if (!values) return fail(`${name} is missing — ${expected}, got ${given.join(", ") || "none"}`);
    const type = dtype === "f32" ? Float32Array : Int32Array;
    if (!(values instanceof type || values instanceof Uint8Array)) {
      const got = Object.prototype.toString.call(values).slice(8, -1);
      fail(`${name} must be a ${type.name} or Uint8Array — got ${got}`);
    }
    const count = values.length / lengthOf(shape);
    if (!Number.isInteger(count) || count < 1) {
      fail(
        `${name} must hold examples of (${shape.join(", ")}), ${lengthOf(shape)} values each — got ${values.length}`,
      );
    }
    first ??= [name, count];
    if (count !== first[1]) {
      fail(`all must hold as many examples — ${first[0]} has ${first[1]}, ${name} has ${count}`);
    }
  }
  return first![1];
}

/** A batch, counted, as the GPU takes it. */
export const toFed = (specs: Objective["inputs"], examples: Examples, size: number): Fed => ({
  values: Object.fromEntries(
    Object.entries(specs).map(([name, spec]) => {
      const { shape, dtype } = spec;
      const values = examples[name]!;
      if (dtype !== "f32") return [name, values instanceof Uint8Array ? Int32Array.from(values) : values];
      const scale = byteScale(spec);
      const numbers = values instanceof Uint8Array ? Float32Array.from(values, (v) => v * scale) : values;
      return [name, shape.length > 0 ? pad(numbers as Float32Array, shape) : numbers];
    }),
  ),
  size,
});

/** Examples in memory, counted, as a source. */
export const sourceOfExamples = (
  operation: string,
  specs: Objective["inputs"],
  examples: Examples,
  length: number,
): DataSource => ({
  name: operation,
  length,
  batch: (indices) =>
    Object.fromEntries(
      Object.entries(specs).map(([name, { shape }]) => {
        const values = examples[name]!;
        const each = lengthOf(shape);
        const rows = new (values.constructor as new (length: number) => typeof values)(indices.length * each);
        indices.forEach((index, i) => {
          rows.set(values.subarray(index * each, (index + 1) * each), i * each);
        });
        return [name, rows];
      }),
    ),
});
