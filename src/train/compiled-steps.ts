import type { Batch } from "../data/batches.ts";
import type { Live } from "../run/live.ts";
import type { Feeds, Outputs, Session } from "../run/session.ts";
import type { Values } from "../run/values.ts";
import type { Variables } from "../run/variables.ts";
import { type Compiled, compileStep, type Mode } from "./compile.ts";
import { microBatchesOf } from "./micro-batches.ts";
import type { TrainerOptions } from "./options.ts";

/** What a training step tells. */
export interface StepResult {
  /** Mean loss of the batch. */
  readonly loss: number;
  /** Number of examples classified correctly. */
  readonly correct: number;
  /** `nonFinite` of the update, if anything trains. */
  readonly nonFinite: Values | undefined;
  /** Norm of each parameter's gradient, if the optimizer was asked for them. */
  readonly gradientNorms: Readonly<Record<string, number>> | undefined;
}

/** The steps of a trainer, each compiled when it is first needed, and how a batch goes through them. */
export class CompiledSteps {
  /** Images that go through the model at once: a batch, or a micro-batch. */
  readonly batchSize: number;
  readonly #options: TrainerOptions;
  readonly #variables: Variables;
  readonly #compiled = new Map<string, Promise<Compiled>>();

  constructor(options: TrainerOptions, variables: Variables) {
    const { batchSize, microBatches = 1 } = options;
    this.batchSize = batchSize / microBatches;
    this.#options = options;
    this.#variables = variables;
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
      const { nonFinite, gradientNorms: norms } = values.at(-1)!; // The session that updates is the last.
      const gradientNorms = norms && Object.fromEntries(normed.map((name, i) => [name, norms[1 + i]!]));
      const loss = sum((loss, share) => share * loss[0]!);
      return { loss, correct: sum((loss) => loss[3]!), nonFinite, gradientNorms };
    });
    result.catch(() => {}); // Thrown when its turn comes.
    return { result };
  }

  /** Frees all steps, once what is being compiled is ready to be freed. */
  async destroy(): Promise<void> {
    for (const compiled of this.#compiled.values()) {
      // What failed to compile has no memory.
      await compiled.then(
        ({ session, update }) => {
          session.destroy();
          update?.session.destroy();
        },
        () => {},
      );
    }
  }
}
