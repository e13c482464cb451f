/** The loop of `Trainer.fit`. */

import type { Loader } from "../data/loader.ts";
import type { Storage } from "../graph/tensor.ts";
import type { AnyNetwork } from "../models/network.ts";
import { InFlight } from "../run/in-flight.ts";
import type { Progress } from "./checkpoint.ts";
import { checkEvaluation, checkStep } from "./checks.ts";
import type { Compiled } from "./compile.ts";
import type { CompiledSteps } from "./compiled-steps.ts";
import type { Fed } from "./objective.ts";
import type { EpochInfo, Evaluation, FitOptions, History, StepInfo } from "./options.ts";
import { constant } from "./schedules.ts";
import type { Trainer } from "./trainer.ts";
import type { IdleTuning } from "./tuning/idle-tuning.ts";
import { onPlateau, UNWATCHED, type Watched, watch } from "./watch.ts";

/** What the loop needs of a trainer besides its public parts. */
export interface FitHost {
  readonly trainer: Trainer<AnyNetwork>;
  readonly steps: CompiledSteps;
  readonly main: Compiled;
  readonly idle: IdleTuning | undefined;
  readonly state: RunState;
  /** Evaluates the validation data. */
  evaluate(): Promise<Evaluation>;
}

/** What a trainer remembers of a run besides its progress. */
export interface RunState {
  /** Whether flags of the update may be raised, so that the next step has to clear them. */
  raised: boolean;
  /** Whether the gradients in memory are those of a step of this run. */
  hasGradients: boolean;
  /** The best epoch so far, whose weights are kept. */
  best: Watched;
}

export const newRun = (): RunState => ({ raised: false, hasGradients: false, best: UNWATCHED });

export async function runFit(
  host: FitHost,
  loader: Loader,
  options: FitOptions<AnyNetwork>,
): Promise<History<AnyNetwork>> {
  const { trainer, state } = host;
  const { epochs, validation, onEpoch, earlyStopping, reduceOnPlateau, keepBest } = options;
  const steps: StepInfo[] = [];
  const done: EpochInfo[] = [];
  let stoppedEarly = false;
  while (trainer.epoch < epochs && !stoppedEarly) {
    steps.push(...(await runEpoch(host, loader, options)));
    // It has done `maxSteps`.
    if (trainer.progress.examples < loader.length) return { steps, epochs: done, stoppedEarly };
    const epoch = trainer.epoch + 1;
    let info: EpochInfo | undefined;
    if (validation) {
      const { loss, accuracy, confusion, metrics } = await host.evaluate();
      info = {
        ...{ epoch, testLoss: loss, metrics },
        ...(accuracy !== undefined && { testAccuracy: accuracy, confusion }),
      } as EpochInfo;
      checkEvaluation(`epoch ${epoch}`, loss);
    }
    let progress: Progress = { ...trainer.progress, epoch, examples: 0 };
    if (info && earlyStopping) {
      const stopping = watch(progress.stopping ?? UNWATCHED, earlyStopping, info);
      progress = { ...progress, stopping };
      stoppedEarly = stopping.since >= earlyStopping.patience;
    }
    if (info && reduceOnPlateau) {
      const { plateau = { ...UNWATCHED, factor: 1 } } = progress;
      progress = { ...progress, plateau: onPlateau(plateau, reduceOnPlateau, info) };
    }
    if (info && keepBest) {
      state.best = watch(state.best, keepBest, info);
      if (state.best.since === 0) await keep(trainer, "to");
    }
    trainer.progress = progress;
    if (!info) continue;
    done.push(info);
    await onEpoch?.(info);
  }
  if (keepBest && state.best.best !== null) await keep(trainer, "from");
  // The run has ended: what may follow is another one.
  state.best = UNWATCHED;
  const { stopping: _, ...progress } = trainer.progress;
  trainer.progress = progress;
  return { steps, epochs: done, stoppedEarly };
}

/** Trains the rest of the current epoch. */
async function runEpoch(host: FitHost, loader: Loader, options: FitOptions<AnyNetwork>): Promise<StepInfo[]> {
  const { trainer, steps, main, idle, state } = host;
  const { epochs, maxSteps = Infinity, signal, onStep } = options;
  const { batchSize, seed, optimizer, epoch, variables } = trainer;
  const { learningRate: peak = optimizer.learningRate } = options;
  const { length } = loader;
  const batchesPerEpoch = Math.ceil(length / loader.batchSize);
  if (trainer.progress.length !== length) trainer.progress = { ...trainer.progress, examples: 0, length };
  const left = Math.ceil((length - trainer.progress.examples) / batchSize);
  const totalSteps = trainer.step + left + (epochs - epoch - 1) * batchesPerEpoch;
  const schedule = trainer.options.schedule ?? constant();
  const factor = (options.reduceOnPlateau && trainer.progress.plateau?.factor) ?? 1;
  const results: StepInfo[] = [];
  const inFlight = new InFlight();
  const cleared = variables.clear(main.flags);
  cleared.catch(() => {}); // Thrown when its turn comes.
  Object.assign(state, { raised: true, hasGradients: true }); // Until the last step in flight has been looked at.
  let before = performance.now();
  while (trainer.progress.examples < length && trainer.step < maxSteps) {
    if (signal?.aborted) break;
    if (idle?.ready) await variables.turn("tuning", () => idle.work());
    const { examples } = trainer.progress;
    // While the GPU works on the previous step, the host cuts out and normalises the next batch.
    const given = loader.batchAt(epoch, examples);
    let batch: Fed;
    try {
      batch = given instanceof Promise ? await given : given;
    } catch (error) {
      if (signal?.aborted) break;
      await cleared;
      await inFlight.settle();
      throw error;
    }
    const learningRate = peak * schedule(trainer.step, totalSteps) * factor;
    const step = trainer.step + 1;
    const { result } = await variables.turn("fit", async () => {
      const submitted = await steps.submit(batch, { step, seed, learningRate });
      trainer.progress = { ...trainer.progress, step, epoch, examples: examples + batch.size, length };
      return submitted;
    });
    await inFlight.add(result, async ({ info: told, nonFinite }) => {
      const now = performance.now();
      const info = { ...told, totalSteps, epoch: epoch + 1, milliseconds: now - before } as StepInfo;
      before = now;
      checkStep(info, nonFinite);
      results.push(info);
      await onStep?.(info);
    });
  }
  await cleared;
  await inFlight.settle();
  state.raised = false;
  signal?.throwIfAborted();
  return results;
}

/** Copies weights, statistics and averages to where those of the best epoch are kept, or back. */
function keep(
  { variables, weights, averaged }: Trainer<AnyNetwork>,
  direction: "to" | "from",
): Promise<void> {
  const storages = [...weights, ...(averaged?.weights ?? [])].map(({ tensor }) => tensor.storage);
  const pairs = [...new Set(storages)].map((storage): readonly [Storage, Storage] => {
    const kept = { ...storage, name: `best of ${storage.name}` };
    return direction === "to" ? [storage, kept] : [kept, storage];
  });
  return variables.turn("keepBest", () => variables.copy(pairs));
}
