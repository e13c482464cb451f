/** Runs tests of ops that launch a kernel, as they are declared for the test suite, and compares with references in f64. */
import { type Preprocessing, Preprocessor, Random, type Steps } from "webgraft";
import type { Kernel } from "webgraft/kernels";
import type { Compared } from "../../../demo/docs/page/gallery-events.ts";
import { size } from "../../../src/testing/arrays.ts";
import { shapeOf } from "../../../src/testing/case.ts";
import { compareRuns } from "../../../src/testing/compare.ts";
import { expectedOf, hasGradients } from "../../../src/testing/expected.ts";
import { backwardProgram, forwardProgram } from "../../../src/testing/programs.ts";
import { declarations, optimizers } from "../../ops/declarations.ts";
import { type OpCase, type OpDeclaration, titleOf } from "../op/declaration.ts";
import { devicesOf } from "../op/programs.ts";
import { PARAMETERS, TRAINED, type UpdateCase, updateProgram } from "../op/update.ts";
import { preprocess } from "../reference/resize.ts";
import { testGpu } from "../run/gpu.ts";
import { feedsOf, openProgram } from "../run/run-op.ts";

type Result = Omit<Compared, "title" | "kernels">;

/** A test that launches kernels of the file. */
interface Candidate {
  readonly title: string;
  readonly kernels: readonly string[];
  run(): Promise<readonly Result[]>;
}

/** Few enough to wait for: kernels that are seen, and tests of those that were seen before. */
const MOST = 4;
const MORE = 2;

/** Numbers in the inputs of a test that says something: smaller ones come last. */
const ENOUGH = 100;

export const fileOf = ({ sources }: Kernel): string | undefined =>
  sources.map(([path]) => path).find((path) => !path.startsWith("lib/"));

/** The kernels of `Preprocessor`, which no op launches. */
const RESIZE = /^image\/(resize_\w+)\.wgsl$/;

/** Tests of kernels of a file: a few, and then only those that launch a kernel that those before do not. */
export function* candidatesFor(file: string, features: readonly string[]): Generator<Candidate> {
  const [, resize] = RESIZE.exec(file) ?? [];
  if (resize) {
    yield { title: "an image of 61 × 37 pixels to 14 × 13", kernels: [resize], run: runResize };
    return;
  }
  const seen = new Set<string>();
  let count = 0;
  const which = (programs: readonly Steps[]): string[] => {
    const launched = programs.flatMap(({ dispatches }) => dispatches.map(({ kernel }) => kernel));
    const names = new Set(launched.flatMap((kernel) => (fileOf(kernel) === file ? kernel.name : [])));
    return count < MORE || [...names].some((name) => !seen.has(name)) ? [...names] : [];
  };
  for (const candidate of all(which, features)) {
    for (const name of candidate.kernels) seen.add(name);
    count++;
    yield candidate;
    if (seen.size >= MOST) return;
  }
}

type Which = (programs: readonly Steps[]) => string[];

function* all(which: Which, features: readonly string[]): Generator<Candidate> {
  for (const declaration of declarations) {
    for (const given of declaration.cases.toSorted((a, b) => rank(a) - rank(b))) {
      for (const [name, device] of Object.entries(devicesOf(declaration, given))) {
        if (!device.features.every((feature) => features.includes(feature))) continue;
        const uses = hasGradients(declaration, given) ? [1, 2] : [];
        const programs = [
          forwardProgram(declaration, given, device),
          ...uses.map((count) => backwardProgram(declaration, given, device, count)),
        ];
        const kernels = which(programs);
        if (kernels.length === 0) continue;
        const title = `${declaration.op.name}: ${titleOf(given, name)}`;
        yield { title, kernels, run: () => runOp(declaration, given, programs) };
      }
    }
  }
  for (const given of optimizers.flatMap(({ cases }) => cases)) {
    const kernels = which([updateProgram(given).program]);
    if (kernels.length > 0) yield { title: given.name, kernels, run: () => runUpdate(given) };
  }
}

function rank({ inputs }: OpCase): number {
  const numbers = Object.values(inputs).reduce((sum, spec) => sum + size(shapeOf(spec)), 0);
  return numbers < ENOUGH ? Number.MAX_SAFE_INTEGER - numbers : numbers;
}

type Programs = Parameters<typeof compareRuns>[0][number]["program"][];

async function runOp(declaration: OpDeclaration, given: OpCase, programs: Programs): Promise<Result[]> {
  const expected = expectedOf(declaration, given);
  const toleranceOf = (name: string) => given.tolerance ?? declaration.tolerance(given, name);
  const opened = await Promise.all(programs.map(openProgram));
  try {
    const compared = await compareRuns(opened, expected, toleranceOf);
    return compared.map(({ name, error, largest, failure }) => {
      const own = name in expected.outputs ? name : /^d(\w+)/.exec(name)?.[1];
      const tolerance = own === undefined ? undefined : toleranceOf(own);
      const allowed =
        typeof tolerance === "number" ? tolerance * largest * (own === name ? 1 : 2) : undefined;
      return {
        ...{ output: name, error, right: failure === undefined },
        ...(allowed !== undefined && { allowed }),
        ...(failure !== undefined && { failure }),
      };
    });
  } finally {
    for (const running of opened) running.close();
  }
}

const TORCH: Preprocessing = {
  ...{ resize: 16, mode: "torch" },
  ...{ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

/** An image of noise, resized, cut out and normalised. */
async function runResize(): Promise<Result[]> {
  const inputShape = [14, 13, 3] as const;
  const random = new Random(1, "pixels");
  const data = Uint8ClampedArray.from({ length: 61 * 37 * 3 }, () => 256 * random.uniform());
  const image = { width: 61, height: 37, data };
  const preprocessor = await Preprocessor.create(await testGpu(), { inputShape, preprocessing: TORCH });
  try {
    const values = await preprocessor.read([image]);
    const { data: expected } = preprocess(image, inputShape, TORCH);
    return [resultOf("t", values, expected, 5e-6)];
  } finally {
    preprocessor.destroy();
  }
}

const STEPS = 3;
/** The tolerance of the optimizers' tests. */
const ALLOWED = 3e-6;

/** A few steps on random gradients; parameters are compared at the end. */
async function runUpdate(given: UpdateCase): Promise<Result[]> {
  const { optimizer, reference, schedule = () => 1, clip = () => 1 } = given;
  const { graph, program, update } = updateProgram(given);
  const running = await openProgram(program);
  try {
    const { variables } = running;
    variables.initialize(update.moments, 1);
    const scale = graph.lossScale?.init([4], new Random(1))[0] ?? 1;
    const values = (shape: readonly number[], name: string): Float32Array => {
      const random = new Random(17, name);
      return Float32Array.from({ length: size(shape) }, () => 2 * random.uniform() - 1);
    };
    for (const { name, tensor } of graph.parameters) variables.write(tensor, values(tensor.shape, name));
    const expected = new Map(
      PARAMETERS.map(([name, shape]) => [name, Float64Array.from(values(shape, name))]),
    );
    const references = new Map(TRAINED.map(([name]) => [name, reference(name)]));
    for (let step = 1; step <= STEPS; step++) {
      const gradients = TRAINED.map(([name, shape]) => values(shape, `${name}, step ${step}`));
      const learningRate = optimizer.learningRate * schedule(step);
      const arriving = TRAINED.map(([name, shape], i) => {
        const data = Float64Array.from(gradients[i]!, (v) => v * scale);
        return [`gradient of ${name}`, { shape, data }] as const;
      });
      await running.step(feedsOf(program, Object.fromEntries(arriving)), { step, learningRate });
      const norm = Math.hypot(...gradients.flatMap((g) => [...g]));
      TRAINED.forEach(([name], i) => {
        const { step: advance, lrScale = 1 } = references.get(name)!;
        const g = Float64Array.from(gradients[i]!, (v) => v * clip(norm));
        advance(expected.get(name)!, g, learningRate * lrScale);
      });
    }
    const actual = await variables.read(graph.parameters.map(({ tensor }) => tensor));
    return TRAINED.map(([name]) => {
      const at = graph.parameters.findIndex((parameter) => parameter.name === name);
      return resultOf(name, actual[at]!, expected.get(name)!, ALLOWED);
    });
  } finally {
    running.close();
  }
}

function resultOf(output: string, actual: ArrayLike<number>, wanted: Float64Array, allowed: number): Result {
  let error = 0;
  wanted.forEach((value, i) => {
    const difference = Math.abs(value - actual[i]!);
    if (!(difference <= error)) error = difference;
  });
  return { output, error, allowed, right: error <= allowed };
}
