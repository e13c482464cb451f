import { NonFiniteError } from "../base/errors.ts";
import type { Batch } from "../data/batches.ts";
import type { Dataset } from "../data/dataset.ts";
import { bytesOf } from "../graph/tensor.ts";
import { checkEvaluation } from "../train/checks.ts";
import type { BatchInfo } from "../train/options.ts";
import { constant } from "../train/schedules.ts";
import type { Trainer } from "../train/trainer.ts";
import type { LaneMemory } from "./events.ts";

/** What all lanes do in a step. */
export interface LaneTask {
  readonly batch: Batch;
  /** 1 for the first. */
  readonly step: number;
  readonly totalSteps: number;
  /** In place of the optimizer's. */
  readonly learningRate: number | undefined;
  /** Evaluated after the step. */
  readonly sample: Dataset | undefined;
}

/** A trainer in a race with one seed, until it is no longer finite. */
export class Lane {
  readonly name: string;
  readonly trainer: Trainer;
  /** What ended it. */
  error: NonFiniteError | undefined;
  /** Whether an event has told that it has ended. */
  told = false;

  constructor(name: string, trainer: Trainer) {
    this.name = name;
    this.trainer = trainer;
  }

  get memory(): LaneMemory {
    const { plan, saved, parameterCount } = this.trainer;
    // With micro-batches, the plan of one of them lacks the moments.
    const persistent = new Set([...plan.persistent, ...saved.map(({ tensor }) => tensor.storage)]);
    return {
      lane: this.name,
      parameters: parameterCount,
      temporaryBytes: plan.report.peakBytes,
      persistentBytes: [...persistent].reduce((sum, storage) => sum + bytesOf(storage), 0),
    };
  }

  /** Asks for a step, and an evaluation after it, before it returns; null once the lane has ended. */
  step({ batch, step, totalSteps, learningRate, sample }: LaneTask): Promise<LaneStep | null> {
    const { optimizer, options } = this.trainer;
    const { schedule = constant() } = options;
    const rate = (learningRate ?? optimizer.learningRate) * schedule(step - 1, totalSteps);
    return this.#finite(async () => {
      const trained = this.trainer.trainStep(batch, { learningRate: rate });
      const evaluated = sample && this.trainer.evaluate(sample);
      const [info, evaluation] = await Promise.all([trained, evaluated]);
      return { info, sampled: evaluation?.accuracy ?? null };
    });
  }

  /** Accuracy on a data set; null once the lane has ended. */
  test(dataset: Dataset, when: string, signal: AbortSignal | undefined): Promise<number | null> {
    return this.#finite(async () => {
      const { loss, accuracy } = await this.trainer.evaluate(dataset, { ...(signal && { signal }) });
      checkEvaluation(when, loss);
      return accuracy;
    });
  }

  /** A checkpoint, or the message of what ended it. */
  async snapshot(): Promise<Uint8Array<ArrayBuffer> | string> {
    if (this.error) return this.error.message;
    try {
      return await this.trainer.checkpoint();
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      return error.message;
    }
  }

  /** Goes on from a snapshot. */
  restore(snapshot: Uint8Array<ArrayBuffer> | string): void {
    if (typeof snapshot === "string") {
      this.error = new NonFiniteError(snapshot);
      this.told = true;
    } else {
      this.trainer.restore(snapshot, `snapshot of ${this.name}`);
    }
  }

  async #finite<T>(work: () => Promise<T>): Promise<T | null> {
    if (this.error) return null;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof NonFiniteError)) throw error;
      this.error ??= error;
      return null;
    }
  }
}

export interface LaneStep {
  readonly info: BatchInfo;
  /** Accuracy on the sample, if it was the sample's turn. */
  readonly sampled: number | null;
}
