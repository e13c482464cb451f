/** Ops with activations stored as f16, against the same ops in f32, which have tests of their own. */
import { describe, expect, it } from "vitest";
import { DeviceError, ShaderError } from "../../src/base/errors.ts";
import { Random } from "../../src/base/random.ts";
import { Graph } from "../../src/graph/graph.ts";
import type { Capabilities } from "../../src/kernel/capabilities.ts";
import { halfBindings, withHalf } from "../../src/kernel/half.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import * as shaders from "../../src/kernel/shaders.gen.ts";
import { draw, drawInputs } from "../../src/testing/arrays.ts";
import { decodeFloats, encodeHalf } from "../../src/weights/dtypes.ts";
import { type OpCase, type OpDeclaration, titleOf } from "../support/op/declaration.ts";
import { devicesHere } from "../support/op/op-test.ts";
import { halfProgram } from "../support/op/programs.ts";
import { testGpu } from "../support/run/gpu.ts";
import { feedsOf, openProgram } from "../support/run/run-op.ts";
import { declarations } from "./declarations.ts";

const { capabilities } = await testGpu();
const hasHalf = capabilities.features.includes("shader-f16");

const CASES = declarations.flatMap((declaration) =>
  declaration.cases
    .filter(({ half }) => half)
    .flatMap((given) =>
      devicesHere(declaration, given).map(
        ([name, device]) =>
          [`${declaration.op.name}: ${titleOf(given, name)}`, declaration, given, device] as const,
      ),
    ),
);

/** A number that f16 can hold. */
const round = (value: number): number =>
  decodeFloats("F16", new Uint8Array(encodeHalf(Float32Array.of(value)).buffer))![0]!;

/** Outputs and gradients, in f32. */
async function run(declaration: OpDeclaration, given: OpCase, device: Capabilities, half: boolean) {
  const program = halfProgram(declaration, given, device, half);
  const random = new Random(3, "half");
  const { inputs } = program.graph;
  const dy = ["dy0", "dy1"].map((name) => [
    name,
    draw(inputs.get(name)!.shape, () => 2 * random.uniform() - 1, round),
  ]);
  const running = await openProgram(program);
  try {
    const feeds = feedsOf(program, { ...drawInputs(given, round), ...Object.fromEntries(dy) });
    return {
      outputs: await running.step(feeds),
      kernels: program.dispatches.map(({ kernel }) => kernel.name),
    };
  } finally {
    running.close();
  }
}

const largestOf = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe("activations in f16", () => {
  if (!hasHalf) {
    it("are refused where the device lacks shader-f16", async () => {
      const { graphOptions } = await testGpu();
      const make = () => new Graph({ mode: "train", precision: "mixed", ...graphOptions });
      expect(make).toThrow(DeviceError);
      expect(make).toThrow("precision mixed needs the WebGPU feature shader-f16");
      const [, declaration, given, device] = CASES[0]!;
      await expect(run(declaration, given, device, true)).rejects.toThrow(ShaderError);
    });
    return;
  }
  it.each(CASES)("%s", async (_, declaration, given, device) => {
    const [exact, rounded] = await Promise.all(
      [false, true].map((half) => run(declaration, given, device, half)),
    );
    expect(rounded!.kernels.some((name) => name.includes("_half_"))).toBe(true);
    for (const [name, values] of Object.entries(exact!.outputs)) {
      const got = rounded!.outputs[name]!;
      const largest = largestOf(values);
      const error = largestOf(Float32Array.from(values, (value, i) => value - got[i]!));
      // Half a unit in the last of 11 bits, once for storing y and once more for each of two added gradients.
      expect(error, `${name}, whose largest is ${largest}`).toBeLessThan(3 * 2 ** -11 * largest);
    }
  });
});

describe("kernels with f16 in memory compile on this device", () => {
  const kernels = Object.values<Kernel>(shaders).filter((kernel) => halfBindings(kernel).length > 0);
  for (const original of kernels) {
    const kernel = withHalf(original, halfBindings(original));
    const lacking = kernel.features.filter((feature) => !capabilities.features.includes(feature));
    it(`${kernel.name}${lacking.length > 0 ? ` is refused without ${lacking.join()}` : ""}`, async () => {
      const required = Object.entries(kernel.constants).filter(([, needed]) => needed);
      const constants = Object.fromEntries(required.map(([name]) => [name, 1]));
      const pipeline = (await testGpu()).pipelines.compile(kernel, constants);
      if (lacking.length > 0) await expect(pipeline).rejects.toThrow(ShaderError);
      else await pipeline;
    });
  }
});
