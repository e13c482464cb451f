/** The references of the GPU tests against what PyTorch computed in f64 (test/support/fixtures/torch). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { declarations, optimizers } from "../../ops/declarations.ts";
import {
  type Allowed,
  declarationOf,
  decodeCases,
  disagreements,
  type OracleCase,
} from "../../ops/oracle.ts";
import type { NdArray } from "../../support/reference/ndarray.ts";
import { adamReference, type Step, sgdReference } from "../../support/reference/optimizers.ts";

const read = (file: string): Buffer =>
  readFileSync(new URL(`../../support/fixtures/torch/${file}`, import.meta.url));
const cases = decodeCases(read("cases.json").toString(), read("values.safetensors"));

/** Both are f64, but PyTorch's was rounded to f32; values and their sums may cancel. */
const ROUNDED: Allowed = (expected, largest) => 2 ** -23 * Math.abs(expected) + 1e-9 * largest;

/**
 * Ops that only move numbers about in this library's own layouts, are a product with or without an addition, or compute what PyTorch does not; and
 * upsampling, whose reference is compared with PyTorch's documentation.
 */
const OTHERS = [
  "augment",
  "cast",
  "dropout",
  "flatten",
  "from_padded",
  "loss_scale",
  "mul",
  "pad2d",
  "pad_channels",
  "rescale",
  "to_padded",
  "upsample",
];

function optimizerReference({ op, attrs }: OracleCase): Step {
  return op === "sgd" ? sgdReference(attrs) : adamReference({ ...attrs, decoupled: op === "adamw" });
}

/** The parameters after each step, by the references of the optimizer and of clipping. */
function trajectory(given: OracleCase): Record<string, number[]> {
  const { inputs, outputs, attrs } = given;
  const { lr, clipNorm } = attrs as { lr: number; clipNorm?: number };
  const parameters = Object.keys(outputs).map((name) => ({
    ...{ name, step: optimizerReference(given), after: [] as number[] },
    p: inputs[name]!.data.slice(),
    gradients: inputs[`d${name}`]!.data,
  }));
  const count = Object.values(outputs)[0]!.shape[0]!;
  for (let i = 0; i < count; i++) {
    const gradients = parameters.map(({ p, gradients }) => gradients.slice(i * p.length, (i + 1) * p.length));
    const norm = Math.hypot(...gradients.flatMap((g) => [...g]));
    const scale = clipNorm === undefined ? 1 : Math.min(1, clipNorm / (norm + 1e-6));
    // Clipping by a norm that is not finite leaves everything as it is.
    const steps = clipNorm === undefined || Number.isFinite(norm);
    parameters.forEach(({ p, step, after }, k) => {
      const gradient = gradients[k]!.map((v) => v * scale);
      if (steps) step(p, gradient, lr);
      after.push(...p);
    });
  }
  return Object.fromEntries(parameters.map(({ name, after }) => [name, after]));
}

/** What the references say: all outputs, and the gradients that the op's declaration gives. */
function referenceOf(given: OracleCase): Record<string, ArrayLike<number>> {
  const declared = declarationOf(given.op);
  if (!declared) return trajectory(given);
  const { dy = { shape: [1], data: Float64Array.of(1) }, ...inputs } = given.inputs;
  const gradients = declared.gradients?.(inputs, given.attrs, dy) ?? {};
  const arrays: [string, NdArray][] = [
    ...Object.entries(declared.reference(inputs, given.attrs)),
    ...Object.entries(gradients).map(([name, array]): [string, NdArray] => [`d${name}`, array]),
  ];
  return Object.fromEntries(
    arrays.filter(([name]) => name in given.outputs).map(([name, { data }]) => [name, data.map(Math.fround)]),
  );
}

for (const op of new Set(cases.map((given) => given.op))) {
  describe(`the reference of ${op} is PyTorch's`, () => {
    it.each(cases.filter((given) => given.op === op).map((given) => [given.name, given] as const))(
      "%s",
      (_, given) => {
        const results = Object.entries(referenceOf(given));
        expect(results).not.toEqual([]);
        const wrong = results.flatMap(([name, values]) =>
          disagreements(name, values, given.outputs[name]!, ROUNDED),
        );
        expect(wrong).toEqual([]);
      },
    );
  });
}

it("every op and optimizer has cases", () => {
  const covered = new Set(cases.map(({ op }) => op));
  const missing = declarations.map(({ op }) => op.name).filter((name) => !covered.has(name));
  expect(missing.sort()).toEqual(OTHERS);
  const names = optimizers.flatMap((declared) => declared.cases.map(({ optimizer }) => optimizer.name));
  expect(names.filter((name) => !covered.has(name))).toEqual([]);
});
