import { DataError } from "../../base/errors.ts";
import { pad } from "../../graph/tensor.ts";
import type { Fed, Task } from "../task.ts";

/**
 * Values of examples by the names of inputs and targets. For those of type f32, bytes stand for 0…1 in steps of 1/255;
 * for whole numbers, such as labels, they are numbers.
 */
export type Examples = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

const lengthOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1);

/** How many examples these are. Throws DataError if they lack a name, have another, or do not fit the network. */
export function countExamples(operation: string, specs: Task["inputs"], examples: Examples): number {
  const fail = (reason: string): never => {
    throw new DataError(`${operation}: ${reason}`);
  };
  const names = Object.keys(specs);
  const expected = `the network has ${names.join(", ")}`;
  const given = Object.keys(examples);
  const unknown = given.find((name) => !Object.hasOwn(specs, name));
  if (unknown) fail(`there is no input or target ${unknown} — ${expected}`);
  let count: number | undefined;
  for (const [name, { shape, dtype }] of Object.entries(specs)) {
    const values = examples[name];
    if (!values) return fail(`${name} is missing — ${expected}, got ${given.join(", ") || "none"}`);
    const type = dtype === "f32" ? Float32Array : Int32Array;
    if (!(values instanceof type || values instanceof Uint8Array)) {
      fail(
        `${name} must be a ${type.name} or Uint8Array — got ${Object.prototype.toString.call(values).slice(8, -1)}`,
      );
    }
    const examplesHere = values.length / lengthOf(shape);
    if (!Number.isInteger(examplesHere) || examplesHere < 1) {
      fail(
        `${name} must hold examples of (${shape.join(", ")}), ${lengthOf(shape)} values each — got ${values.length}`,
      );
    }
    count ??= examplesHere;
    if (examplesHere !== count) {
      fail(`all must hold as many examples — ${names[0]} has ${count}, ${name} has ${examplesHere}`);
    }
  }
  return count!;
}

/** Lays out examples for the GPU. */
export const toFed = (specs: Task["inputs"], examples: Examples, size: number): Fed => ({
  values: Object.fromEntries(
    Object.entries(specs).map(([name, { shape, dtype }]) => {
      const values = examples[name]!;
      if (dtype !== "f32") return [name, values instanceof Uint8Array ? Int32Array.from(values) : values];
      const numbers = values instanceof Uint8Array ? Float32Array.from(values, (v) => v / 255) : values;
      return [name, shape.length > 0 ? pad(numbers as Float32Array, shape) : numbers];
    }),
  ),
  size,
});

/** The examples with these indices, in this order. */
export const rowsOf = (examples: Examples, specs: Task["inputs"], indices: ArrayLike<number>): Examples =>
  Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => {
      const values = examples[name]!;
      const each = lengthOf(shape);
      const rows = new (values.constructor as new (length: number) => Examples[string])(
        indices.length * each,
      );
      for (let i = 0; i < indices.length; i++) {
        const from = indices[i]! * each;
        rows.set(values.subarray(from, from + each), i * each);
      }
      return [name, rows];
    }),
  );
