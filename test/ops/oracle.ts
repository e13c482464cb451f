/** What PyTorch computed in f64 (test/support/fixtures/torch), and how near results have to be. */
import { expect } from "vitest";
import { adam, adamw, type Optimizer, sgd } from "../../src/optimizers/index.ts";
import { decodeSafetensors, float32Values, lookUp } from "../../src/weights/safetensors.ts";
import type { Arrays, OpDeclaration } from "../support/op/declaration.ts";
import { type NdArray, size } from "../support/reference/ndarray.ts";
import { declarations } from "./declarations.ts";

export interface OracleCase {
  /** An op or an optimizer. */
  readonly op: string;
  readonly name: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Those of the op, and `dy`, the gradient arriving at y. */
  readonly inputs: Arrays;
  /** Those of the op, inputs that it updates, and the gradient `d<input>` of the mean or for `dy`. */
  readonly outputs: Arrays;
}

/** Reads cases.json and values.safetensors. */
export function decodeCases(json: string, file: Uint8Array): OracleCase[] {
  const { tensors } = decodeSafetensors(file, "the oracle");
  const values = float32Values("values", lookUp(tensors, "values", "the oracle"));
  let at = 0;
  const read = (shapes: Readonly<Record<string, readonly number[]>>): Arrays =>
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape]): [string, NdArray] => {
        const begin = at;
        at += size(shape);
        return [name, { shape, data: Float64Array.from(values.subarray(begin, at)) }];
      }),
    );
  const cases = (JSON.parse(json) as OracleShapes[]).map(
    ({ inputs, outputs, ...rest }): OracleCase => ({ ...rest, inputs: read(inputs), outputs: read(outputs) }),
  );
  expect(at, "numbers in values.safetensors").toBe(values.length);
  return cases;
}

type OracleShapes = Pick<OracleCase, "op" | "name" | "attrs"> &
  Readonly<Record<"inputs" | "outputs", Readonly<Record<string, readonly number[]>>>>;

/** The declaration of an op by its name; none for an optimizer. */
export const declarationOf = (name: string): OpDeclaration | undefined =>
  declarations.find(({ op }) => op.name === name);

/** The optimizer of a case. Weight decay applies to all parameters, as in PyTorch. */
export function optimizerOf(op: string, attrs: OracleCase["attrs"]): Optimizer {
  const options = { ...(attrs as { lr: number }), decayAll: true };
  if (op === "sgd") return sgd(options);
  return op === "adam" ? adam(options) : adamw(options);
}

/** The difference allowed at an expected number, where `largest` is the largest finite one. */
export type Allowed = (expected: number, largest: number) => number;

/** Ops each number of whose results comes from one of each input, so that others say nothing about its rounding. */
const ELEMENTWISE = ["activation", "add", "average"];

/** What is allowed of a result of a case on the GPU: what the op's declaration says. */
export function allowedFor({ op, name: title, attrs, inputs }: OracleCase, name: string): Allowed {
  const declared = declarationOf(op);
  // As in the optimizers' tests, whose parameters are about 1.
  if (!declared) return (_, largest) => 3e-6 * Math.max(1, largest);
  const { dy, ...given } = inputs;
  const shapes = Object.fromEntries(Object.entries(given).map(([key, { shape }]) => [key, shape]));
  const tolerance = declared.tolerance({ name: title, inputs: shapes, attrs }, name.replace(/^d/, ""));
  const times = name.startsWith("d") ? 2 : 1;
  // Absolute, for losses of about 1.
  if (typeof tolerance !== "number") {
    return (expected) => times * tolerance(expected) * Math.max(1, Math.abs(expected));
  }
  if (ELEMENTWISE.includes(op)) return (expected) => times * tolerance * Math.max(1, Math.abs(expected));
  const relative =
    tolerance + (op === "batch_norm" && attrs.mode === "train" ? roundingOfMean(inputs.x!) : 0);
  return (_, largest) => times * relative * largest;
}

/** Half a unit in the last place of the mean of a channel, as f32, relative to the deviation: the largest. */
function roundingOfMean({ shape, data }: NdArray): number {
  const C = shape.at(-1)!;
  const channels = Array.from({ length: C }, (_, c) => data.filter((_, i) => i % C === c));
  return Math.max(
    ...channels.map((x) => {
      const mean = x.reduce((sum, v) => sum + v / x.length, 0);
      const variance = x.reduce((sum, v) => sum + (v - mean) ** 2 / x.length, 0);
      return variance > 0 ? (2 ** -24 * Math.abs(mean)) / Math.sqrt(variance) : 0;
    }),
  );
}

/**
 * Where a result differs from PyTorch's by more than is allowed, in words; nothing where it does not. NaN has to be NaN,
 * and an infinity the same one.
 */
export function disagreements(
  name: string,
  got: ArrayLike<number>,
  { shape, data }: NdArray,
  allowed: Allowed,
): string[] {
  expect(got.length, `${name}: numbers`).toBe(data.length);
  const largest = data.reduce((most, v) => (Number.isFinite(v) ? Math.max(most, Math.abs(v)) : most), 0);
  const wrong: string[] = [];
  data.forEach((expected, i) => {
    const actual = got[i]!;
    const agrees = Number.isFinite(expected)
      ? Math.abs(actual - expected) <= allowed(expected, largest)
      : Object.is(actual, expected);
    if (!agrees) wrong.push(`${actual} instead of ${expected} at ${i}`);
  });
  if (wrong.length === 0) return [];
  const some = wrong.slice(0, 6).join("; ");
  return [`${name} (${shape.join(", ")}): ${wrong.length} of ${data.length} differ: ${some}`];
}
