import type { Batch } from "../data/batches.ts";
import type { Live } from "../run/live.ts";
import type { Feeds, Outputs, Session } from "../run/session.ts";
import type { Values } from "../run/values.ts";
import type { Variables } from "../run/variables.ts";
import { compileActivations } from "./activations.ts";
import { type Compiled, compileStep, type Mode, type PlanOptions } from "./compile.ts";
import { microBatchesOf } from "./micro-batches.ts";
import type { BatchInfo, TrainerOptions } from "./options.ts";
import type { Kernels } from "./tuning/kernels.ts";

/** What a training step tells, and its update's `nonFinite`, if anything trains. */
export interface StepResult {
  readonly info: BatchInfo;
  readonly nonFinite: Values | undefined;
}

/** For how many choices of layers and batch sizes sessions are kept. */
const ACTIVATIONS_KEPT = 2;

/** The steps of a trainer, each compiled when it is first needed, and how a batch goes through them. */
export class CompiledSteps {
  /** Images that go through the model at once: a batch, or a micro-batch. */
  readonly batchSize: number;
  readonly #given: TrainerOptions;
  readonly #variables: Variables;
  #planned: PlanOptions | undefined;
  readonly #compiled = new Map<string, Promise<Compiled>>();
  /** The one used last is the last. */
  readonly #activations = new Map<string, Promise<Session>>();

  constructor(options: TrainerOptions, variables: Variables) {
    const { batchSize, microBatches = 1 } = options;
    this.batchSize = batchSize / microBatches;
    this.#given = options;
    this.#variables = variables;
  }

  /** With the kernels known when the first step is compiled: one trainer computes with the same ones all its life. */
  get #options(): PlanOptions {
    const { kernels = this.#given.gpu.tuning.choices() } = this.#given;
    this.#planned ??= { ...this.#given, kernels };
    return this.#planned;
  }

  get kernels(): Kernels {
    return this.#options.kernels;
  }

  /** A training step or an evaluation of `size` images. */
  compile(mode: Mode, size: number): Promise<Compiled> {
    const key = `${mode} ${size}`;
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      compiled = compileStep(this.#options, this.#variables, mode, size);
      this.#compiled.set(key, compiled);
      // What failed once, such as for lack of memory, may work later.
      compiled.catch(() => this.#compiled.delete(key));
    }
    return compiled;
  }

  /** An evaluation of `length` images, or of as many as go through the model at once. */
  async evaluation(length: number): Promise<Session> {
    return (await this.compile("eval", Math.min(this.batchSize, length))).session;
  }

  /** The same as far as these layers. */
  activations(layers: readonly string[], length: number): Promise<Session> {
    const size = Math.min(this.batchSize, length);
    const key = JSON.stringify([size, ...layers]);
    const session =
      this.#activations.get(key) ?? compileActivations(this.#options, this.#variables, layers, size);
    session.catch(() => this.#activations.delete(key));
    this.#activations.delete(key);
    this.#activations.set(key, session);
    for (const [oldest, unused] of [...this.#activations].slice(0, -ACTIVATIONS_KEPT)) {
      this.#activations.delete(oldest);
      void free(unused);
    }
    return session;
  }

  /** Resolves once the training step is submitted; `result` is a separate promise, so that it is not awaited here. */
  async submit(batch: Batch, live: Live): Promise<{ readonly result: Promise<StepResult> }> {
    const parts = microBatchesOf(batch, this.batchSize, this.#options);
    const compiled = await Promise.all(parts.map(({ size }) => this.compile("train", size)));
    const { update, normed } = await this.compile("train", this.batchSize);
    const outputs: Promise<Outputs>[] = [];
    const submit = async (session: Session, feeds: Feeds, scalars: Live): Promise<void> => {
      await session.ready();
      const output = session.submit(feeds, scalars);
      output.catch(() => {}); // Thrown when its turn comes.
      outputs.push(output);
    };
    const cleared = update && this.#variables.clear(update.gradients);
    cleared?.catch(() => {}); // Thrown when its turn comes.
    for (const [i, { images, labels, first, share }] of parts.entries()) {
      await submit(compiled[i]!.session, { images, labels }, { ...live, first, share });
    }
    if (update) await submit(update.session, {}, live);
    const result = Promise.all([Promise.all(outputs), cleared]).then(([values]) => {
      const sum = (of: (loss: ArrayLike<number>, share: number) => number): number =>
        parts.reduce((total, { share }, i) => total + of(values[i]!.loss!, share), 0);
      // The session that updates is the last.
      const { nonFinite, gradientNorms, updateNorms, parameterNorms } = values.at(-1)!;
      const byName = (value: (i: number) => number): Record<string, number> =>
        Object.fromEntries(normed.map((name, i) => [name, value(1 + i)]));
      const info = {
        ...{ step: live.step, learningRate: live.learningRate, examples: batch.size },
        loss: sum((loss, share) => share * loss[0]!),
        accuracy: sum((loss) => loss[3]!) / batch.size,
        ...(gradientNorms && { gradientNorms: byName((i) => gradientNorms[i]!) }),
        ...(updateNorms &&
          parameterNorms && {
            updateRatios: byName((i) => (parameterNorms[i] === 0 ? 0 : updateNorms[i]! / parameterNorms[i]!)),
          }),
      };
      return { info, nonFinite };
    });
    result.catch(() => {}); // Thrown when its turn comes.
    return { result };
  }

  /** Frees all steps, once what is being compiled is ready to be freed. */
  async destroy(): Promise<void> {
    for (const compiled of this.#compiled.values()) {
      await free(compiled.then(({ session }) => session));
      await free(compiled.then(({ update }) => update?.session));
    }
    for (const session of this.#activations.values()) await free(session);
  }
}

/** What failed to compile has no memory. */
const free = (compiled: Promise<Session | undefined>): Promise<void> =>
  compiled.then(
    (session) => session?.destroy(),
    () => {},
  );
