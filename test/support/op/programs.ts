/** The programs of an op's tests; made without a device. */
import type { Seed } from "../../../src/graph/autodiff.ts";
import { Graph } from "../../../src/graph/graph.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import { castOp } from "../../../src/ops/elementwise/cast.ts";
import { lower, type Program } from "../../../src/ops/lower.ts";
import { recorder } from "../../../src/ops/tunable.ts";
import { gradsOf } from "../../../src/testing/case.ts";
import { hasGradients } from "../../../src/testing/expected.ts";
import { backwardProgram, declareInputs, forwardProgram } from "../../../src/testing/programs.ts";
import { type Devices, type OpCase, type OpDeclaration, PLAIN } from "./declaration.ts";

/**
 * The op in two nodes whose gradients are added up, with its activations in f16 if `half`. Inputs and outputs of the
 * program are f32 either way.
 */
export function halfProgram(
  { op, half: declared }: OpDeclaration,
  given: OpCase,
  device: Capabilities,
  half: boolean,
): Program {
  if ("never" in declared) throw new Error(`${op.name} does not take f16: ${declared.never}`);
  const graph = new Graph({ mode: "train", device });
  const cast = (x: Tensor, to: "f16" | "f32"): Tensor =>
    half ? graph.apply(castOp, `${x.name}.${to}`, { x }, { to }).y : x;
  const inputs = declareInputs(graph, given);
  const used = Object.fromEntries(
    Object.entries(inputs).map(([name, x]) => [
      name,
      declared.activations.includes(name) ? cast(x, "f16") : x,
    ]),
  );
  const seeds = [0, 1].map((i): Seed => {
    const y = cast(graph.apply(op, `op${i}`, used, given.attrs).y!, "f32");
    graph.output(`y${i}`, y);
    return [y, graph.input(`dy${i}`, y.shape)];
  });
  const program = lower(graph, seeds);
  for (const name of gradsOf(given)) graph.output(`d${name}`, program.gradients.get(inputs[name]!)!);
  return program;
}

/** The devices a case runs on, including those of `variants`. */
export function devicesOf(declaration: OpDeclaration, given: OpCase): Devices {
  const devices = given.devices ?? declaration.devices ?? PLAIN;
  if (!given.variants) return devices;
  const { device, tasks } = recorder({ features: [] });
  backwardProgram(declaration, given, device, 1);
  const named: Record<string, Capabilities> = {};
  for (const features of [[], ["subgroups"]]) {
    for (const { name } of tasks.flatMap((task) => task.variants({ features }))) {
      if (given.variants(name)) named[name] ??= { features, tuned: () => name };
    }
  }
  return { ...devices, ...named };
}

/** The programs of an op's tests: every case on each of its devices. */
export function* programsOf(declaration: OpDeclaration): Generator<Program> {
  for (const given of declaration.cases) {
    for (const device of Object.values(devicesOf(declaration, given))) {
      yield forwardProgram(declaration, given, device);
      if (!hasGradients(declaration, given)) continue;
      for (const uses of [1, 2]) yield backwardProgram(declaration, given, device, uses);
    }
  }
}
