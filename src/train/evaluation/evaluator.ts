import type { Loader } from "../../data/loader.ts";
import type { Outputs, Session } from "../../run/session.ts";
import type { Variables } from "../../run/variables.ts";
import type { CompiledSteps } from "../compiled-steps.ts";
import type { Objective } from "../objective.ts";
import type { Evaluation } from "../options.ts";
import { type Activations, readActivations } from "./activations.ts";
import { EvaluationSums, Predictions } from "./evaluation-sums.ts";
import type { Metric } from "./metrics.ts";
import { runBatches } from "./run-batches.ts";

/** How an evaluation may be stopped, and what it tells meanwhile. */
export interface EvaluateOptions {
  readonly signal?: AbortSignal;
  /** Progress in examples. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Runs evaluations in their turns: with running statistics and without dropout, and by averages where there are some. */
export class Evaluator {
  readonly #objective: Objective;
  readonly #steps: CompiledSteps;
  readonly #variables: Variables;
  readonly #metrics: Readonly<Record<string, Metric>>;
  readonly #usesAverages: () => boolean;

  constructor(
    objective: Objective,
    steps: CompiledSteps,
    variables: Variables,
    metrics: Readonly<Record<string, Metric>>,
    usesAverages: () => boolean,
  ) {
    this.#objective = objective;
    this.#steps = steps;
    this.#variables = variables;
    this.#metrics = metrics;
    this.#usesAverages = usesAverages;
  }

  async evaluate(loader: Loader, { signal, onProgress }: EvaluateOptions): Promise<Evaluation> {
    const sums = new EvaluationSums(this.#objective, this.#metrics);
    await this.#variables.turn("evaluate", () =>
      runBatches(loader, this.#sessions("eval", loader), signal, (outputs, batch) => {
        sums.add(outputs, batch);
        onProgress?.(sums.done, loader.length);
      }),
    );
    return sums.evaluation;
  }

  /** All outputs by name. */
  async predict(
    loader: Loader,
    mode: "eval" | "predict",
    signal: AbortSignal | undefined,
  ): Promise<Predictions["values"]> {
    const predictions = new Predictions(loader.length);
    const add = ({ loss: _, ...outputs }: Outputs, size: number): void => predictions.add(outputs, size);
    await this.#variables.turn("predict", () =>
      runBatches(loader, this.#sessions(mode, loader), signal, (outputs, { size }) => add(outputs, size)),
    );
    return predictions.values;
  }

  activations(
    loader: Loader,
    layers: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Readonly<Record<string, Activations>>> {
    return this.#variables.turn("activations", async () => {
      const session = await this.#steps.activations(layers, loader.length, this.#usesAverages());
      return readActivations(session, loader, signal);
    });
  }

  #sessions(mode: "eval" | "predict", { length }: Loader): (size: number) => Promise<Session> {
    return this.#steps.evaluation(mode, length, this.#usesAverages());
  }
}
