import { describe, expect, it } from "vitest";
import type { Program } from "../../../src/graph/lower.ts";
import { pad4 } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import type { Steps } from "../../../src/plan/plan.ts";
import type { Outputs } from "../../../src/run/session.ts";
import { testGpu } from "../run/gpu.ts";
import { feedsOf, openProgram, type Running } from "../run/run-op.ts";
import { type Arrays, type OpCase, type OpDeclaration, type Tolerance, titleOf } from "./declaration.ts";
import { type Expected, expectedOf, type Gradient } from "./expected.ts";
import { type Spoiled, spoiledRuns } from "./non-finite.ts";
import { backwardProgram, devicesOf, forwardProgram } from "./programs.ts";

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
  const { inputs, outputs, dy, gradients } = expected;
  const programs = [
    forwardProgram(declaration, given, device),
    ...gradients.map((_, i) => backwardProgram(declaration, given, device, i + 1)),
  ];
  const arrays = { ...inputs, ...Object.fromEntries(dy.map((array, i) => [`dy${i}`, array])) };
  // All at once, so that kernels compile in parallel and the browser is awaited only once.
  const opened = await Promise.all(programs.map(openProgram));
  try {
    const results = await Promise.all(opened.map((running) => runTwice(running, arrays)));
    for (const [uses, { program }] of opened.entries()) {
      const wanted = uses === 0 ? outputs : gradients[uses - 1]!;
      for (const [name, array] of Object.entries<Gradient>(wanted)) {
        const tolerance = given.tolerance ?? declaration.tolerance(given, name);
        if (uses === 0) expectClose(program, results[uses]!, name, array, tolerance, 1);
        else expectClose(program, results[uses]!, `d${name}`, array, tolerance, 2);
      }
    }
    for (const spoiled of spoiledRuns(declaration, given, expected)) {
      const { program, step } = opened[spoiled.pass === "forward" ? 0 : 1]!;
      expectSpoiled(await step(feedsOf(program, { ...arrays, ...spoiled.arrays })), spoiled);
    }
  } finally {
    for (const running of opened) running.close();
  }
}

async function runTwice({ program, step }: Running<Steps>, arrays: Arrays): Promise<Outputs> {
  const feeds = feedsOf(program, arrays);
  const [first, second] = await Promise.all([step(feeds), step(feeds)]);
  for (const [name, values] of Object.entries(first)) {
    const [bits, others] = [bitsOf(values), bitsOf(second[name]!)];
    const at = bits.findIndex((value, i) => value !== others[i]);
    if (at >= 0) expect.fail(`${name}: a second run gives ${second[name]![at]}, not ${values[at]}, at ${at}`);
  }
  return first;
}

const bitsOf = ({ buffer }: Outputs[string]): Uint32Array => new Uint32Array(buffer);

/**
 * Compares an output of a program with an array, or only some of its elements, and its padding with 0. Differences may
 * be up to `times` the tolerance.
 */
function expectClose(
  { graph }: Program,
  outputs: Outputs,
  name: string,
  { shape, data, elements }: Gradient,
  tolerance: Tolerance,
  times: number,
): void {
  const width = shape.at(-1)!;
  const row = pad4(width);
  expect(graph.outputs.get(name)?.shape, `shape of ${name} in memory`).toEqual([...shape.slice(0, -1), row]);
  const actual = outputs[name]!;
  const scale = data.reduce((largest, v) => Math.max(largest, Math.abs(v)), 1e-6);
  data.forEach((expected, i) => {
    const allowed = times * (typeof tolerance === "number" ? tolerance * scale : tolerance(expected));
    const element = elements?.[i] ?? i;
    const got = actual[Math.floor(element / width) * row + (element % width)]!;
    if (!(Math.abs(got - expected) <= allowed)) {
      const at = `element ${element} of (${shape.join(", ")})`;
      expect.fail(`${name}: ${got} instead of ${expected} at ${at}; allowed ${allowed}, largest ${scale}`);
    }
  });
  for (let i = 0; i < actual.length; i++) {
    if (i % row >= width && actual[i] !== 0) expect.fail(`${name}: padding holds ${actual[i]} at ${i}`);
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
