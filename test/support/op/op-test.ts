import { describe, expect, it } from "vitest";
import { pad4 } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import type { Outputs } from "../../../src/run/session.ts";
import { compareRuns } from "../../../src/testing/compare.ts";
import { type Expected, expectedOf } from "../../../src/testing/expected.ts";
import { backwardProgram, forwardProgram } from "../../../src/testing/programs.ts";
import { testGpu } from "../run/gpu.ts";
import { feedsOf, openProgram } from "../run/run-op.ts";
import { type OpCase, type OpDeclaration, titleOf } from "./declaration.ts";
import { type Spoiled, spoiledRuns } from "./non-finite.ts";
import { devicesOf } from "./programs.ts";

const { features } = (await testGpu()).capabilities;

/** The devices of a case whose features the test device has. */
export const devicesHere = (
  declaration: OpDeclaration,
  given: OpCase,
): readonly (readonly [name: string, device: Capabilities])[] =>
  Object.entries(devicesOf(declaration, given)).filter(([, device]) =>
    device.features.every((feature) => features.includes(feature)),
  );

/**
 * Tests an op on the GPU: outputs against the reference; gradients against central differences of it; `+=` when a
 * tensor is used twice; zero padding; the same bits in a second run; NaN out for NaN in.
 */
export function testOp(declaration: OpDeclaration): void {
  describe(declaration.op.name, () => {
    for (const given of declaration.cases) {
      let expected: Expected | undefined;
      for (const [name, device] of devicesHere(declaration, given)) {
        it(titleOf(given, name), () => {
          expected ??= expectedOf(declaration, given);
          return check(declaration, given, device, expected);
        });
      }
    }
  });
}

async function check(
  declaration: OpDeclaration,
  given: OpCase,
  device: Capabilities,
  expected: Expected,
): Promise<void> {
  const { inputs, dy, gradients } = expected;
  const programs = [
    forwardProgram(declaration, given, device),
    ...gradients.map((_, i) => backwardProgram(declaration, given, device, i + 1)),
  ];
  const arrays = { ...inputs, ...Object.fromEntries(dy.map((array, i) => [`dy${i}`, array])) };
  // All at once, so that kernels compile in parallel and the browser is awaited only once.
  const opened = await Promise.all(programs.map(openProgram));
  try {
    const tolerance = (name: string) => given.tolerance ?? declaration.tolerance(given, name);
    for (const { failure } of await compareRuns(opened, expected, tolerance)) {
      if (failure) expect.fail(failure);
    }
    for (const spoiled of spoiledRuns(declaration, given, expected)) {
      const { program, step } = opened[spoiled.pass === "forward" ? 0 : 1]!;
      expectSpoiled(await step(feedsOf(program, { ...arrays, ...spoiled.arrays })), spoiled);
    }
  } finally {
    for (const running of opened) running.close();
  }
}

/** Expects the elements that a bad input reaches to be bad themselves, and zeros in the padding beside them. */
function expectSpoiled(outputs: Outputs, { input, element, value, pass, bad }: Spoiled): void {
  for (const { name, shape, elements } of bad) {
    const actual = outputs[pass === "forward" ? name : `d${name}`]!;
    const where = `${input}[${element}] = ${value}, ${pass}: ${name} (${shape.join(", ")})`;
    const width = shape.at(-1)!;
    const row = pad4(width);
    for (const i of elements) {
      const got = actual[Math.floor(i / width) * row + (i % width)]!;
      const isBad = Number.isNaN(value) ? Number.isNaN(got) : !Number.isFinite(got);
      if (!isBad) expect.fail(`${where} is ${got} at ${i}`);
    }
    for (let i = 0; i < actual.length; i++) {
      if (i % row >= width && actual[i] !== 0)
        expect.fail(`${where} has ${actual[i]} in its padding at ${i}`);
    }
  }
}
