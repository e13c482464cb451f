/**
 * Whether kernels compute on a device what they should, told by small problems whose results are stored. A variant that
 * does not is barred where another one does.
 */
import {
  DestroyedError,
  DeviceError,
  DeviceLostError,
  OutOfMemoryError,
  WebgraftError,
} from "../../base/errors.ts";
import { Random } from "../../base/random.ts";
import type { Gpu } from "../../gpu/device.ts";
import { allOf, taskKey } from "../../gpu/tuning.ts";
import { Graph } from "../../graph/graph.ts";
import type { Op, OpNode, Tensors } from "../../graph/op.ts";
import { pad, type Tensor } from "../../graph/tensor.ts";
import type { Capabilities, Task } from "../../kernel/capabilities.ts";
import { castOp } from "../../ops/elementwise/cast.ts";
import { lower } from "../../ops/lower.ts";
import { type MeasurableTask, recorder } from "../../ops/tunable.ts";
import type { Optimizer } from "../../optimizers/optimizer.ts";
import { withUpdate } from "../../optimizers/optimizer.ts";
import type { Steps } from "../../plan/plan.ts";
import { type Feeds, type Outputs, openSession, type Session } from "../session.ts";
import { Variables } from "../variables.ts";
import { type KnownCase, knownOps, knownUpdates } from "./known-results.ts";

/** An op to check, with its activations in f16 or not. */
export interface CheckedOp {
  readonly op: OpNode["op"];
  readonly half: boolean;
}

/** A kernel that computed a wrong result, or none. */
export interface WrongKernel {
  /** Op, pass and variant, such as `conv2d grad_weight 8x8_workgroup_16x8`; several where no single one is to blame. */
  readonly kernel: string;
  readonly adapter: string;
  /** Relative to the result; infinite if it is no number, or the kernel does not run. */
  readonly error: number;
}

/** Allowed error of a sum of a result's numbers with random weights, relative to their root sum of squares. */
const ALLOWED = 2e-4;
const ALLOWED_IN_F16 = 1e-2;

/** What a graph's inputs are filled with: all different among the first 2,048, and exact in f16 too. */
export function knownValues(name: string, length: number): Float32Array {
  const order = new Random(11, name).permutation(2048);
  return Float32Array.from({ length }, (_, i) => (order[i % 2048]! - 1023) / 1024);
}

/** Labels of so many classes. */
export const knownLabels = (length: number, classes: number): Int32Array =>
  Int32Array.from({ length }, (_, i) => (5 * i + 2) % classes);

/** The weights of the sum by which a result of this name is known. */
export function sumWeights(name: string): () => number {
  const random = new Random(23, name);
  return () => 2 * random.uniform() - 1;
}

/**
 * Checks those of the ops and optimizers whose results are known: all their kernels that `wanted` names for a task and
 * that have not been found right before. Bars wrong variants in `gpu.tuning` and returns them. Rejects with a DeviceError
 * that names kernel, adapter and error where no other variant is right.
 */
export async function checkKernels(
  gpu: Gpu,
  ops: Iterable<CheckedOp>,
  wanted: (task: MeasurableTask) => readonly string[],
  optimizers: Iterable<Optimizer> = [],
): Promise<readonly WrongKernel[]> {
  const check = new Check(gpu, wanted);
  await Promise.all([
    ...[...ops].map((given) => check.op(given)),
    ...[...optimizers].map((optimizer) => check.optimizer(optimizer)),
  ]);
  if (check.hopeless.length > 0) {
    const list = check.hopeless.map(
      ({ kernel, error }) => `${kernel} (relative error ${error.toPrecision(2)})`,
    );
    throw new DeviceError(
      `self-test: ${gpu.adapter} computes wrong results in ${list.join(", ")}, and no other kernel is right — update ` +
        'the browser or the graphics driver, or use another GPU; `tune: "off"` trains without this test',
    );
  }
  return check.barred;
}

const textOf = (task: Task, variant: string): string => `${taskKey(allOf(task))} ${variant}`;

class Check {
  readonly barred: WrongKernel[] = [];
  readonly hopeless: WrongKernel[] = [];
  readonly #gpu: Gpu;
  readonly #wanted: (task: MeasurableTask) => readonly string[];

  constructor(gpu: Gpu, wanted: (task: MeasurableTask) => readonly string[]) {
    this.#gpu = gpu;
    this.#wanted = wanted;
  }

  async op({ op, half }: CheckedOp): Promise<void> {
    const { tuning } = this.#gpu;
    const name = half ? `${op.name} f16` : op.name;
    const known = resultsOf(op);
    const before = new Set(tuning.tested);
    const right = new Set<string>(known.length > 0 ? [name] : []);
    for (const given of known) {
      const problem = new Problem(this.#gpu, op, given, half);
      const { tasks } = problem;
      const lists = tasks.map((task) => {
        const wanted = this.#wanted(task);
        return problem.variants(task).filter((v) => wanted.includes(v) && !before.has(textOf(task, v)));
      });
      const rounds = Math.max(before.has(name) ? 0 : 1, ...lists.map(({ length }) => length));
      for (let round = 0; round < rounds; round++) {
        const choice = tasks.map((task, i) => lists[i]![round] ?? problem.variants(task)[0]!);
        const worst = await problem.worst(choice);
        if (worst.error > problem.allowed && !(await this.#blame(problem, name, choice, worst))) return;
        for (const [i, task] of tasks.entries()) right.add(textOf(task, choice[i]!));
      }
    }
    const barred = this.barred.map(({ kernel }) => kernel);
    for (const kernel of right) if (!barred.includes(kernel)) tuning.tested.add(kernel);
  }

  async optimizer({ standard }: Optimizer): Promise<void> {
    if (!standard) return;
    const { program, kernel } = updateProblem(standard());
    const { tuning, adapter } = this.#gpu;
    if (tuning.tested.has(kernel)) return;
    const { error } = await attempt(this.#gpu, program, 2, { p: knownUpdates[kernel]! });
    if (error <= ALLOWED) tuning.tested.add(kernel);
    else this.hopeless.push({ kernel, adapter, error });
  }

  /**
   * Bars each of the variants that alone makes a result wrong among others that give the right one; false if there are no
   * such others.
   */
  async #blame(problem: Problem, name: string, choice: readonly string[], worst: Worst): Promise<boolean> {
    const { tuning, adapter } = this.#gpu;
    const { tasks } = problem;
    const isRight = async (some: readonly string[]) => (await problem.worst(some)).error <= problem.allowed;
    const lists = tasks.map((task) => problem.variants(task));
    for (let i = 0; i < Math.max(...lists.map(({ length }) => length)); i++) {
      const others = lists.map((list) => list[i % list.length]!);
      if (!(await isRight(others))) continue;
      const barred = this.barred.length;
      for (const [j, task] of tasks.entries()) {
        const variant = choice[j]!;
        if (variant === others[j] || (await isRight(others.with(j, variant)))) continue;
        tuning.fail(allOf(task), variant);
        this.barred.push({ kernel: textOf(task, variant), adapter, error: worst.error });
      }
      if (this.barred.length > barred) return true;
    }
    // Another op with the same task may have barred it meanwhile, and then a right one ran in its place.
    if (tasks.some((task, j) => !problem.variants(task).includes(choice[j]!))) return true;
    const kernels = tasks.map(({ pass }, i) => `${pass} ${choice[i]}`);
    const kernel = `${[name, ...kernels].join(" / ")}: ${worst.result}`;
    this.hopeless.push({ kernel, adapter, error: worst.error });
    return false;
  }
}

/** The worst of some results. */
interface Worst {
  readonly error: number;
  /** Its name, such as `dweight`. */
  readonly result: string;
}

/** An op on inputs for which its results are known. */
class Problem {
  /** What variants there are to choose. */
  readonly tasks: readonly MeasurableTask[];
  readonly allowed: number;
  readonly #gpu: Gpu;
  readonly #op: OpNode["op"];
  readonly #known: KnownCase;
  readonly #half: boolean;

  constructor(gpu: Gpu, op: OpNode["op"], known: KnownCase, half: boolean) {
    this.#gpu = gpu;
    this.#op = op;
    this.#known = known;
    this.#half = half;
    this.allowed = half ? ALLOWED_IN_F16 : ALLOWED;
    const { device, tasks } = recorder(gpu.capabilities);
    knownProgram(op, known, device, half);
    this.tasks = tasks;
  }

  /** The names of those that fit and are not barred. */
  variants(task: MeasurableTask): readonly string[] {
    return task.variants(this.#gpu.capabilities).map(({ name }) => name);
  }

  /** The worst of the results with a choice of variants, one a task. */
  worst(choice: readonly string[]): Promise<Worst> {
    const names = new Map(this.tasks.map((task, i) => [taskKey(task), choice[i]!]));
    const device = { ...this.#gpu.capabilities, tuned: (task: Task) => names.get(taskKey(task)) };
    return attempt(this.#gpu, knownProgram(this.#op, this.#known, device, this.#half), 1, this.#known.sums);
  }
}

/** The forward pass of an op on known inputs, and the gradients whose sums are known. */
export function knownProgram(
  op: OpNode["op"],
  { inputs: shapes, attrs, sums }: KnownCase,
  device: Capabilities,
  half: boolean,
): Steps {
  const graph = new Graph({ mode: "train", device: half ? { ...device, activations: "f16" } : device });
  const cast = (x: Tensor, to: "f16" | "f32"): Tensor =>
    half ? graph.apply(castOp, `${x.name}.${to}`, { x }, { to }).y : x;
  const inputs = Object.entries(shapes).map(([name, shape]) => {
    const dtype = name === "labels" ? "i32" : "f32";
    return [name, graph.input(name, shape, dtype, `d${name}` in sums)] as const;
  });
  const used = inputs.map(([name, x]) => [name, IS_ACTIVATION.test(name) ? cast(x, "f16") : x]);
  const { y, loss } = graph.apply(op, "op", Object.fromEntries(used) as Tensors, attrs);
  const result = y ? cast(y, "f32") : loss!;
  const program = lower(graph, [[result, y ? graph.input("dy", result.shape) : null]]);
  graph.output("y", result);
  for (const [name, x] of inputs) {
    if (`d${name}` in sums) graph.output(`d${name}`, program.gradients.get(x)!);
  }
  return program;
}

/** What is known of an op; nothing of one of an app's own that has the name of one here. */
const resultsOf = ({ name, takes }: OpNode["op"]): readonly KnownCase[] =>
  (knownOps[name] ?? []).filter(({ inputs }) =>
    Object.keys(inputs).every((input) => takes && input in takes.inputs),
  );

/** Inputs of ops that are activations; others, such as weights, are never f16. */
const IS_ACTIVATION = /^(x\d?|a|b|residual)$/;

/** A loss whose gradient with respect to `p` is `g`. */
const givenGradient: Op<{ p: Tensor; g: Tensor }, null, { y: Tensor }> = {
  name: "given gradient",
  infer: () => ({ y: { shape: [1] } }),
  forward() {},
  backward: (emit, { inputs: { p, g } }) => emit.pass(p, g),
};

/** An update of a parameter `p` by a gradient `g`, and the kernel that does it. */
function updateProblem(optimizer: Optimizer): { readonly program: Steps; readonly kernel: string } {
  const graph = new Graph({ mode: "train" });
  const shape = [70];
  const p = graph.parameter("p", shape, () => knownValues("p", 70), true);
  const { y } = graph.apply(givenGradient, "loss", { p, g: graph.input("g", shape) }, null);
  const program = lower(graph, [[y, null]]);
  const update = optimizer.emit(graph, program);
  graph.output("p", p);
  return { program: withUpdate(program, update), kernel: update.dispatches.at(-1)!.kernel.name };
}

/** Runs some steps on known inputs and returns the worst of the last one's results. */
async function attempt(
  gpu: Gpu,
  program: Steps,
  steps: number,
  sums: Readonly<Record<string, number>>,
): Promise<Worst> {
  const outputs = await outputsOf(gpu, program, steps);
  if (!outputs) return { result: "it does not run", error: Number.POSITIVE_INFINITY };
  return Object.entries(sums)
    .map(([result, sum]) => ({ result, error: errorOf(result, outputs[result]!, sum) }))
    .reduce((worst, other) => (other.error > worst.error ? other : worst));
}

/** What comes out of the last of some steps on known inputs; undefined if a kernel does not run. */
export async function outputsOf(gpu: Gpu, program: Steps, steps: number): Promise<Outputs | undefined> {
  const variables = new Variables(gpu);
  let session: Session | undefined;
  try {
    session = await openSession(gpu, program, variables);
    variables.initialize(program.graph.parameters, 0);
    let outputs: Outputs = {};
    for (let step = 1; step <= steps; step++) {
      outputs = await session.submit(knownFeeds(program), { step, seed: 0, learningRate: 0.1 });
    }
    return outputs;
  } catch (error) {
    // What does not run is as bad as what is wrong, unless it is not to blame.
    const innocent = [DeviceLostError, DestroyedError, OutOfMemoryError].some(
      (kind) => error instanceof kind,
    );
    if (innocent || !(error instanceof WebgraftError)) throw error;
    return undefined;
  } finally {
    session?.destroy();
    variables.destroy();
  }
}

function knownFeeds({ graph }: Steps): Feeds {
  const classes = graph.inputs.get("logits")?.shape.at(-1);
  const inputs = [...graph.inputs].map(([name, { shape }]) => {
    const length = shape.reduce((a, b) => a * b, 1);
    return [name, name === "labels" ? knownLabels(length, classes!) : pad(knownValues(name, length), shape)];
  });
  return Object.fromEntries(inputs);
}

/** The error of Σ wᵢ vᵢ relative to √(Σ vᵢ²). */
function errorOf(name: string, values: ArrayLike<number>, sum: number): number {
  const weight = sumWeights(name);
  let weighted = 0;
  let squares = 0;
  for (const value of Array.from(values)) {
    weighted += weight() * value;
    squares += value * value;
  }
  const error = Math.abs(weighted - sum) / Math.sqrt(squares);
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error;
}
