import type { Dataset } from "../data/dataset.ts";
import type { Split } from "../data/load.ts";
import type { Gpu } from "../gpu/device.ts";
import { layersOf } from "../models/structure.ts";
import { optimizers } from "../optimizers/index.ts";
import { describePlan } from "../plan/report/describe.ts";
import { drawPlan } from "../plan/report/draw.ts";
import { oneCycle } from "../train/schedules.ts";
import { Trainer } from "../train/trainer.ts";
import { FeatureCache } from "../transfer/feature-cache.ts";
import { loadPretrained } from "../transfer/pretrained.ts";
import { restoreNorms } from "../transfer/restore-norms.ts";
import { augmentationOf } from "./augmentation.ts";
import { loadJobData, tellLoading } from "./job-data.ts";
import { historyOf, kernelsOf, learningRateOf, settingsOf } from "./job-metadata.ts";
import type { JobOptions } from "./options.ts";
import type { EpochRecord, JobEvent, JobHistory, SampleRecord, StepRecord } from "./protocol.ts";
import { sampleOf } from "./sample.ts";
import { checkSettings, type JobSettings, modelOf } from "./settings.ts";

/** The state of a job once it is ready. */
export interface Run {
  readonly settings: JobSettings;
  readonly gpu: Gpu;
  /** Of the whole model; predicts, and makes checkpoints. */
  readonly trainer: Trainer;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly cache: FeatureCache | undefined;
  /** What trains: the trainer or, if features are cached, the part after them, on `features`. */
  readonly head: Trainer;
  readonly features: Partial<Record<Split, Dataset>>;
  readonly history: JobHistory & {
    readonly steps: StepRecord[];
    readonly epochs: EpochRecord[];
    readonly samples: SampleRecord[];
    confusion?: JobHistory["confusion"];
  };
  /** That was set before the run was resumed. */
  readonly learningRate: number | undefined;
}

export interface RunSource {
  readonly gpu: Gpu;
  readonly settings: JobSettings;
  /** Goes on from it, with its settings. */
  readonly checkpoint: Uint8Array | undefined;
  readonly options: JobOptions;
  readonly signal: AbortSignal;
  readonly emit: (event: JobEvent) => void;
}

/** Loads the data and makes the trainer. Rejects with the signal's reason if it is aborted meanwhile. */
export async function openRun(source: RunSource): Promise<Run> {
  const { gpu, checkpoint, options, signal, emit } = source;
  const settings = checkpoint ? settingsOf(checkpoint, "checkpoint") : checkSettings(source.settings);
  emit({ type: "adapter", adapter: gpu.adapter });
  const [train, test] = await loadJobData(settings, { baseUrl: options.dataUrl, signal, emit });
  if (settings.sampleEvery !== undefined) sampleOf(settings, test); // Throws here what it would throw later.
  const trainer = await createTrainer(source, settings, train);
  if (checkpoint) trainer.restore(checkpoint);
  else await loadWeights(source, settings, trainer, train);
  const cache = settings.cacheFeatures ? await FeatureCache.create(trainer) : undefined;
  const { steps, epochs, samples, confusion } = checkpoint
    ? historyOf(checkpoint, "checkpoint")
    : { steps: [], epochs: [], samples: [] };
  signal.throwIfAborted();
  return {
    ...{ settings, gpu, trainer, train, test, cache, head: cache?.head ?? trainer, features: {} },
    history: {
      steps: [...steps],
      epochs: [...epochs],
      samples: [...samples],
      ...(confusion && { confusion }),
    },
    learningRate: checkpoint && learningRateOf(checkpoint, "checkpoint"),
  };
}

/** What an app needs to know of a run before its first step; `learningRate` is in place of the settings' rate. */
export function describeRun(
  { settings, trainer, head, train, test, history }: Run,
  learningRate = settings.lr,
): JobEvent {
  const { plan } = head;
  const examplesPerEpoch = head.examplesPerEpoch(train.length);
  return {
    type: "ready",
    settings,
    classes: train.classes,
    imageShape: train.shape,
    parameters: trainer.parameterCount,
    layers: layersOf(trainer.model),
    dispatchesPerStep: plan.dispatches.length,
    plan: plan.report,
    planText: describePlan(plan),
    planPicture: drawPlan(plan),
    firstStep: trainer.step + 1,
    totalSteps: settings.epochs * Math.ceil(examplesPerEpoch / settings.batch),
    learningRate,
    examples: train.length,
    examplesPerEpoch,
    testExamples: test.length,
    history: structuredClone(history),
  };
}

function createTrainer(
  { gpu, checkpoint, options: { tune, tuningStore: store }, signal, emit }: RunSource,
  settings: JobSettings,
  data: Dataset,
): Promise<Trainer> {
  const kernels = checkpoint && kernelsOf(checkpoint, gpu.tuning.device, "checkpoint");
  const { optimizer, lr, batch, microBatches, recompute, precision, seed, augment = [] } = settings;
  const { gradientNorms = false, updateRatios = false } = settings;
  return Trainer.create({
    gpu,
    model: modelOf(settings, data),
    optimizer: optimizers[optimizer].create(lr, { gradientNorms, updateRatios }),
    batchSize: batch,
    ...(microBatches !== undefined && { microBatches }),
    ...(recompute && { memory: "recompute" }),
    ...(precision && { precision }),
    seed,
    schedule: oneCycle(),
    ...(augment.length > 0 && { augment: augmentationOf(augment, data) }),
    ...(tune && { tune }),
    ...(kernels && { kernels }),
    tuning: {
      ...(store && { store }),
      signal,
      onProgress: ({ done, total }) => emit({ type: "tuning", done, total }),
    },
  });
}

async function loadWeights(
  { options: { weightsUrl = (address) => address }, signal, emit }: RunSource,
  { weights = [], partialWeights = false }: JobSettings,
  trainer: Trainer,
  data: Dataset,
): Promise<void> {
  for (const [i, file] of weights.entries()) {
    const report = await loadPretrained(trainer, weightsUrl(file, i), {
      name: file,
      strict: !partialWeights,
      signal,
      onProgress: tellLoading(emit, file),
    });
    await restoreNorms(trainer, data, report.unfolded, { signal });
    emit({ type: "weights", file, ...report });
  }
}
