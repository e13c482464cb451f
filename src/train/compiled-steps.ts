import type { AnyNetwork } from "../models/network.ts";
import type { Live } from "../run/live.ts";
import { checkTimestamps, type Feeds, type LaunchTime, type Outputs, type Session } from "../run/session.ts";
import type { Values } from "../run/values.ts";
import type { Variables } from "../run/variables.ts";
import { type Compiled, canTrain, compileStep, type PlanOptions } from "./compile.ts";
import { compileActivations } from "./evaluation/activations.ts";
import { feedsOf } from "./evaluation/run-batches.ts";
import { type MicroBatch, microBatchesOf } from "./feed/micro-batches.ts";
import type { Fed, Mode, Objective } from "./objective.ts";
import type { StepNumbers, TrainerOptions } from "./options.ts";
import type { Kernels } from "./tuning/kernels.ts";

/** What a training step tells, and its update's `nonFinite`, if anything trains. */
export interface StepResult {
  readonly info: StepNumbers;
  readonly nonFinite: Values | undefined;
}

/** For how many choices of layers and batch sizes sessions are kept. */
const ACTIVATIONS_KEPT = 2;

/** The steps of a trainer, each compiled when it is first needed, and how a batch goes through them. */
export class CompiledSteps {
  /** Examples that go through the network at once: a batch, or a micro-batch. */
  readonly batchSize: number;
  readonly #given: TrainerOptions<AnyNetwork>;
  readonly #objective: Objective;
  readonly #variables: Variables;
  #planned: PlanOptions | undefined;
  readonly #compiled = new Map<string, Promise<Compiled>>();
  /** The one used last is the last. */
  readonly #activations = new Map<string, Promise<Session>>();

  constructor(options: TrainerOptions<AnyNetwork>, objective: Objective, variables: Variables) {
    const { batchSize, microBatches = 1 } = options;
    this.batchSize = batchSize / microBatches;
    this.#given = options;
    this.#objective = objective;
    this.#variables = variables;
  }

  /** With the kernels known when the first step is compiled: one trainer computes with the same ones all its life. */
  get #options(): PlanOptions {
    const { kernels = this.#given.gpu.tuning.choices() } = this.#given;
    this.#planned ??= { ...this.#given, objective: this.#objective, kernels };
    return this.#planned;
  }

  get kernels(): Kernels {
    return this.#options.kernels;
  }

  /** How many of `length` examples an epoch trains on: see `Trainer.fit`. */
  examplesPerEpoch(length: number): number {
    const isAlone = this.batchSize > 1 && length % this.batchSize === 1;
    return isAlone && !canTrain(this.#options, 1) ? length - 1 : length;
  }

  /** A training step, an evaluation or a prediction of `size` examples. */
  compile(mode: Mode, size: number, averages = false): Promise<Compiled> {
    const key = `${mode} ${size} ${averages}`;
    let compiled = this.#compiled.get(key);
    if (!compiled) {
      compiled = this.evaluated(averages).then((variables) =>
        compileStep(this.#options, variables, mode, size),
      );
      this.#compiled.set(key, compiled);
      // What failed once, such as for lack of memory, may work later.
      compiled.catch(() => this.#compiled.delete(key));
    }
    return compiled;
  }

  /**
   * Sessions that evaluate `length` examples, or predict of them, a batch at a time. For a smaller last batch, whose rest
   * nothing would leave out of the loss, another session is compiled.
   */
  evaluation(
    mode: "eval" | "predict",
    length: number,
    averages: boolean,
  ): (size: number) => Promise<Session> {
    const whole = Math.min(this.batchSize, length);
    const fills = mode === "predict" || this.#objective.ignored !== undefined;
    return async (size) => (await this.compile(mode, fills ? whole : size, averages)).session;
  }

  /** The buffers of weights to evaluate: the variables, or with averages in place of those that are averaged. */
  async evaluated(averages: boolean): Promise<Pick<Variables, "buffer">> {
    if (!averages) return this.#variables;
    const { averaged } = await this.compile("train", this.batchSize);
    return { buffer: (storage) => this.#variables.buffer(averaged.get(storage.name) ?? storage) };
  }

  /** The same as far as these layers. */
  activations(layers: readonly string[], length: number, averages: boolean): Promise<Session> {
    const size = Math.min(this.batchSize, length);
    const key = JSON.stringify([size, averages, ...layers]);
    const session =
      this.#activations.get(key) ??
      this.evaluated(averages).then((variables) =>
        compileActivations(this.#options, variables, layers, size),
      );
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
  async submit(batch: Fed, live: Live): Promise<{ readonly result: Promise<StepResult> }> {
    const parts = microBatchesOf(batch, this.batchSize, this.#objective.weightOf);
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
    for (const [i, part] of parts.entries()) {
      const { session } = compiled[i]!;
      await submit(session, feedsOf(part, session), { ...live, first: part.first, share: part.share });
    }
    if (update) await submit(update.session, {}, live);
    const result = Promise.all([Promise.all(outputs), cleared]).then(([values]) => {
      const sum = (of: (outputs: Outputs, part: MicroBatch) => number): number =>
        parts.reduce((total, part, i) => total + of(values[i]!, part), 0);
      const { correct } = this.#objective;
      // The session that updates is the last.
      const { nonFinite, gradientNorms, updateNorms, parameterNorms } = values.at(-1)!;
      const byName = (value: (i: number) => number): Record<string, number> =>
        Object.fromEntries(normed.map((name, i) => [name, value(1 + i)]));
      const info = {
        ...{ step: live.step, learningRate: live.learningRate, examples: batch.size },
        loss: sum(({ loss }, { share }) => share * loss![0]!),
        ...(correct && { accuracy: sum(correct) / batch.size }),
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

  /** Runs a training step and returns the time of each launch. Rejects with a DeviceError, before, if it cannot tell. */
  async profile(batch: Fed, live: Live): Promise<readonly LaunchTime[]> {
    checkTimestamps(this.#given.gpu);
    const { update } = await this.compile("train", this.batchSize);
    const launches: LaunchTime[] = [];
    if (update) await this.#variables.clear(update.gradients);
    for (const part of microBatchesOf(batch, this.batchSize, this.#objective.weightOf)) {
      const { session } = await this.compile("train", part.size);
      const { first, share } = part;
      launches.push(...(await session.profile(feedsOf(part, session), { ...live, first, share })));
    }
    if (update) launches.push(...(await update.session.profile({}, live)));
    return launches;
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
