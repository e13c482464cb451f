/** Runs tests of ops that launch a kernel, as they are declared for the test suite, and compares with references in f64. */
import { type Preprocessing, Preprocessor, Random, type Steps } from "webgraft";
import { type Kernel, pad, pad4 } from "webgraft/kernels";
import { declarations, optimizers } from "../../../test/ops/declarations.ts";
import {
  type OpCase,
  type OpDeclaration,
  shapeOf,
  type Tolerance,
  titleOf,
} from "../../../test/support/op/declaration.ts";
import { expectedOf, type Gradient } from "../../../test/support/op/expected.ts";
import {
  backwardProgram,
  devicesOf,
  forwardProgram,
  hasGradients,
} from "../../../test/support/op/programs.ts";
import { PARAMETERS, TRAINED, type UpdateCase, updateProgram } from "../../../test/support/op/update.ts";
import { size } from "../../../test/support/reference/ndarray.ts";
import { preprocess } from "../../../test/support/reference/resize.ts";
import { testGpu } from "../../../test/support/run/gpu.ts";
import { feedsOf, openProgram } from "../../../test/support/run/run-op.ts";
import type { Compared } from "./gallery-events.ts";

/** One program of a test that launches kernels of the file. */
interface Candidate {
  readonly title: string;
  readonly kernels: readonly string[];
  run(): Promise<readonly Omit<Compared, "title" | "kernels">[]>;
}

/** Few enough to wait for: kernels that are seen, and tests of those that were seen before. */
const MOST = 6;
const MORE = 3;

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
  const isNew = (program: Steps): string[] => {
    const names = program.dispatches.flatMap(({ kernel }) => (fileOf(kernel) === file ? kernel.name : []));
    const kernels = [...new Set(names)];
    return count < MORE || kernels.some((name) => !seen.has(name)) ? kernels : [];
  };
  for (const candidate of all(isNew, features)) {
    for (const name of candidate.kernels) seen.add(name);
    count++;
    yield candidate;
    if (seen.size >= MOST) return;
  }
}

type Which = (program: Steps) => string[];

function* all(which: Which, features: readonly string[]): Generator<Candidate> {
  for (const declaration of declarations) {
    const cases = declaration.cases.toSorted((a, b) => rank(a) - rank(b));
    for (const given of cases) {
      for (const [name, device] of Object.entries(devicesOf(declaration, given))) {
        if (!device.features.every((feature) => features.includes(feature))) continue;
        const title = `${declaration.op.name}: ${titleOf(given, name)}`;
        const made = (uses: number): Candidate | undefined => {
          const program =
            uses === 0
              ? forwardProgram(declaration, given, device)
              : backwardProgram(declaration, given, device, uses);
          const kernels = which(program);
          if (kernels.length === 0) return undefined;
          return { title, kernels, run: () => runOp(declaration, given, program, uses) };
        };
        for (const uses of hasGradients(declaration, given) ? [0, 1, 2] : [0]) {
          const candidate = made(uses);
          if (candidate) yield candidate;
        }
      }
    }
  }
  for (const given of optimizers.flatMap(({ cases }) => cases)) {
    const kernels = which(updateProgram(given).program);
    if (kernels.length > 0) yield { title: given.name, kernels, run: () => runUpdate(given) };
  }
}

function rank({ inputs }: OpCase): number {
  const numbers = Object.values(inputs).reduce((sum, spec) => sum + size(shapeOf(spec)), 0);
  return numbers < ENOUGH ? Number.MAX_SAFE_INTEGER - numbers : numbers;
}

async function runOp(declaration: OpDeclaration, given: OpCase, program: Steps, uses: number) {
  const { inputs, outputs, dy, gradients } = expectedOf(declaration, given);
  const running = await openProgram(program);
  try {
    const arrays = { ...inputs, ...Object.fromEntries(dy.map((array, i) => [`dy${i}`, array])) };
    const results = await running.step(feedsOf(program, arrays));
    return Object.entries<Gradient>(uses === 0 ? outputs : gradients[uses - 1]!).map(([name, wanted]) => {
      const output = uses === 0 ? name : `d${name}`;
      const tolerance = given.tolerance ?? declaration.tolerance(given, name);
      return { output, ...compared(results[output]!, wanted, tolerance, uses === 0 ? 1 : 2) };
    });
  } finally {
    running.close();
  }
}

/** The element that uses most of what its tolerance allows. */
function compared(
  actual: ArrayLike<number>,
  { shape, data, elements }: Gradient,
  tolerance: Tolerance,
  times: number,
): Pick<Compared, "error" | "allowed" | "right"> {
  const width = shape.at(-1)!;
  const row = pad4(width);
  const scale = data.reduce((largest, v) => Math.max(largest, Math.abs(v)), 1e-6);
  let worst = { error: 0, allowed: Number.POSITIVE_INFINITY, right: true };
  data.forEach((expected, i) => {
    const allowed = times * (typeof tolerance === "number" ? tolerance * scale : tolerance(expected));
    const element = elements?.[i] ?? i;
    const error = Math.abs(actual[Math.floor(element / width) * row + (element % width)]! - expected);
    // NaN is the worst of all.
    const right = error <= allowed;
    if (
      (worst.right && !right) ||
      error / allowed > worst.error / worst.allowed ||
      worst.allowed === Infinity
    ) {
      worst = { error, allowed, right };
    }
  });
  return worst;
}

const TORCH: Preprocessing = {
  ...{ resize: 16, mode: "torch" },
  ...{ mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
};

/** An image of noise, resized, cut out and normalised. */
async function runResize() {
  const inputShape = [14, 13, 3] as const;
  const random = new Random(1, "pixels");
  const data = Uint8ClampedArray.from({ length: 61 * 37 * 3 }, () => 256 * random.uniform());
  const image = { width: 61, height: 37, data };
  const preprocessor = await Preprocessor.create(await testGpu(), { inputShape, preprocessing: TORCH });
  try {
    const values = pad(await preprocessor.read([image]), inputShape);
    // As much as the test suite allows.
    return [{ output: "t", ...compared(values, preprocess(image, inputShape, TORCH), () => 5e-6, 1) }];
  } finally {
    preprocessor.destroy();
  }
}

const STEPS = 3;
/** The tolerance of the optimizers' tests. */
const ALLOWED = 3e-6;

/** A few steps on random gradients; parameters are compared at the end. */
async function runUpdate(given: UpdateCase) {
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
      const wanted = expected.get(name)!;
      const error = wanted.reduce((most, v, i) => Math.max(most, Math.abs(v - actual[at]![i]!)), 0);
      return { output: name, error, allowed: ALLOWED, right: error <= ALLOWED };
    });
  } finally {
    running.close();
  }
}
