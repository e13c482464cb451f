import { GradientError, ShapeError } from "../base/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { Op, Tensors } from "../graph/op.ts";
import { unpad } from "../graph/tensor.ts";
import { type Arrays, feedsOf } from "./arrays.ts";
import { gradsOf, type OpCase, shapeOf, type Tolerance } from "./case.ts";
import { type Comparison, compareRuns } from "./compare.ts";
import { expectedOf, expectedOfKernels, type Referenced } from "./expected.ts";
import { backwardProgram, forwardProgram } from "./programs.ts";
import { openOn } from "./run.ts";

/** What an op's gradients are checked on, and against what. */
export interface GradientCase<In extends Tensors, Attrs> extends OpCase<Attrs, string & keyof In> {
  /**
   * The op in f64: values in logical order, row-major and without padding, by the names of its outputs. Then the outputs
   * are compared with it too, and the gradients with its central differences. Default the op's own forward kernels in f32,
   * which find a wrong gradient, but not a forward pass that is wrong itself.
   */
  reference?(inputs: Arrays, attrs: Attrs): Arrays;
  /**
   * Allowed difference of an output, relative to its largest number, and twice that of a gradient. Default 1e-5 with a
   * reference, to be grown with √(length of the sums); 2e-3 without, where the differences are taken in f32.
   */
  readonly tolerance?: Tolerance;
}

/** What was compared; of a check that failed, in `GradientError.message`. */
export interface GradientReport {
  readonly op: string;
  readonly comparisons: readonly Comparison[];
}

/**
 * Checks the gradients of an op on a device, as the library checks its own: the backward kernels against central
 * differences at 24 elements of each input, for one use of the op (`=`) and for two (`+=`); zeros in the padding of
 * everything that is written; the same bits in a second run. Inputs are drawn, the same in each run.
 *
 * Where f has a kink, differences across it are not its slope: let `values` keep away from it, by 1/64 without a
 * reference. What is differentiated is the output `y`, or the output `loss` of an op that has no y.
 *
 * Throws GradientError that says which elements are wrong; ShapeError for an op without backward, y and loss.
 */
export async function checkGradients<In extends Tensors, Attrs, Out extends Tensors>(
  gpu: Gpu,
  op: Op<In, Attrs, Out>,
  given: GradientCase<In, Attrs>,
): Promise<GradientReport> {
  const { reference } = given;
  const definition = { op, reference } as unknown as Referenced;
  const of = given as unknown as OpCase;
  if (op.backward === undefined || gradsOf(of).length === 0) {
    throw new ShapeError(op.name, "has no gradients to check", "it needs a `backward` and an f32 input");
  }
  const device = gpu.capabilities;
  const forward = forwardProgram(definition, of, device);
  const outputs = Object.keys(forward.graph.nodes[0]!.outputs);
  if (!outputs.includes("y") && !outputs.includes("loss")) {
    throw new ShapeError(
      op.name,
      "needs an output y or loss to differentiate",
      `it has ${outputs.join(", ")}`,
    );
  }
  const programs = [forward, ...[1, 2].map((uses) => backwardProgram(definition, of, device, uses))];
  const opened = await Promise.all(programs.map((program) => openOn(gpu, program)));
  try {
    const run = async (inputs: Arrays): Promise<Arrays> => {
      const read = await opened[0]!.step(feedsOf(forward, inputs));
      return Object.fromEntries(
        Object.entries(forward.graph.nodes[0]!.outputs).map(([name, tensor]) => {
          const { shape } = tensor!;
          return [name, { shape, data: Float64Array.from(unpad(read[name] as Float32Array, shape)) }];
        }),
      );
    };
    const expected = reference ? expectedOf(definition, of) : await expectedOfKernels(of, run);
    const tolerance = given.tolerance ?? (reference ? 1e-5 : 2e-3);
    const comparisons = await compareRuns(opened, expected, () => tolerance);
    const failures = comparisons.flatMap(({ failure }) => failure ?? []);
    if (failures.length > 0) {
      const inputs = Object.entries(of.inputs).map(([name, spec]) => `${name} (${shapeOf(spec).join(", ")})`);
      throw new GradientError(`${op.name} on ${inputs.join(", ")}:\n${failures.join("\n")}`);
    }
    return { op: op.name, comparisons };
  } finally {
    for (const running of opened) running.close();
  }
}
