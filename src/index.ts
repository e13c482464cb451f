/** Webgraft: trains convolutional networks on WebGPU. What an app's run needs besides is in `webgraft/job`. */

// Everywhere

export * from "./base/errors.ts";
export { Random } from "./base/random.ts";
export { VERSION } from "./base/version.ts";

// Devices, and kernels measured on them

export { type DeviceOptions, describeAdapter, Gpu, isSoftwareAdapter, openDevice } from "./gpu/device.ts";
export { matrixUnits } from "./gpu/matrix-units.ts";
export { type Tuned, Tuning, type TuningStore, type TuningTable } from "./gpu/tuning.ts";
export type { Capabilities, MatrixUnits, Task } from "./kernel/capabilities.ts";
export type { WrongKernel } from "./run/self-test/check-kernels.ts";
export { type SelfTest, selfTest } from "./run/self-test/self-test.ts";
export { loadTuning, type TuneOptions, type TuneProgress } from "./run/tuner.ts";
export type { Kernels } from "./train/tuning/kernels.ts";
export { type TuneMode, type TuneModelOptions, tune } from "./train/tuning/tune.ts";

// Data

export { type Batch, BatchLoader, type BatchOptions } from "./data/batches.ts";
export { balanced, createDataset, type Dataset, subset, take } from "./data/dataset.ts";
export { type FolderOptions, loadImageFolder } from "./data/folder.ts";
export type { FolderImage, FolderIndex } from "./data/folder-index.ts";
export { type FramesOptions, framesOf } from "./data/frames.ts";
export { datasetFromImages, type FromImagesOptions, type LabelledImage } from "./data/from-images.ts";
export { type DatasetName, datasetNames, type LoadOptions, loadDataset, type Split } from "./data/load.ts";
export { type LoadedBatch, type LoaderOptions, type LoaderSpec, SourceLoader } from "./data/loader.ts";
export { fashion } from "./data/mnist/fashion.ts";
export type { IdxFile, IdxPair } from "./data/mnist/idx.ts";
export { mnist } from "./data/mnist/mnist.ts";
export { resizeImages } from "./data/resize.ts";
export { type DataSource, type Examples, type SourceOptions, sourceOf } from "./data/source.ts";
export type { PixelImage } from "./image/preprocessing.ts";
export type { Augmentation } from "./ops/image/augment.ts";

// Models: layers, topologies and backbones

export * from "./layers/index.ts";
export * from "./models/index.ts";

// Training

export * from "./optimizers/index.ts";
export { readCheckpointMetadata } from "./train/checkpoint.ts";
export type { Activations } from "./train/evaluation/activations.ts";
export type { Confusion } from "./train/evaluation/confusion.ts";
export type { EvaluateOptions } from "./train/evaluation/evaluator.ts";
export {
  accuracy,
  type ClassMetricOptions,
  type ClassScores,
  confusionMatrix,
  type LabelMetricOptions,
  type Metric,
  type MetricBatch,
  perClass,
  perLabel,
  scoresOf,
  topK,
} from "./train/evaluation/metrics.ts";
export type { LossOf } from "./train/objective.ts";
export type {
  BatchInfo,
  BatchOf,
  CheckpointOptions,
  DataOf,
  EpochInfo,
  Evaluation,
  FitOptions,
  History,
  MetricValues,
  PredictionOf,
  StepInfo,
  StepNumbers,
  Told,
  TrainerOptions,
} from "./train/options.ts";
export { describeProfile, type LayerTime, type Profile } from "./train/profile.ts";
export * from "./train/schedules.ts";
export { Trainer } from "./train/trainer.ts";
export type { EarlyStopping, ReduceOnPlateau, WatchOptions } from "./train/watch.ts";

// Races: several trainers side by side

export type {
  LaneMemory,
  RaceEvent,
  RaceMemory,
  RaceResult,
  RaceSnapshot,
  RunOptions,
} from "./race/events.ts";
export type { LaneOptions, RaceOptions } from "./race/options.ts";
export { Race } from "./race/race.ts";
export {
  type Comparison,
  type Outcome,
  type RaceResults,
  type SeedResult,
  type Verdict,
  verdict,
} from "./race/verdict.ts";

// Transfer learning

export type { Difference } from "./transfer/conventions.ts";
export { FeatureCache, type FeatureCacheOptions, type FeaturesOfOptions } from "./transfer/feature-cache.ts";
export { type Finetune, type FinetuneOptions, finetune } from "./transfer/finetune.ts";
export type { PretrainedSource } from "./transfer/open-pretrained.ts";
export {
  type BackboneReport,
  type LoadPretrainedOptions,
  loadPretrained,
  type PretrainedReport,
} from "./transfer/pretrained.ts";
export { type RestoreNormsOptions, restoreNorms } from "./transfer/restore-norms.ts";
export { type SplitModel, type SplitOptions, splitModel } from "./transfer/split.ts";

// Prediction

export {
  type LoadedModel,
  type LoadModelOptions,
  loadModel,
  type ModelInfo,
  type ModelMaker,
  modelFile,
  type SaveModelOptions,
  saveModel,
} from "./predict/model-file.ts";
export {
  type NamedValues,
  Predictor,
  type PredictorOptions,
  type PredictorSource,
} from "./predict/predictor.ts";
export { type ImageSource, Preprocessor, type PreprocessorModel } from "./run/preprocessor.ts";

// Weights and model files

export { type ImportKerasOptions, importKeras } from "./formats/keras/import.ts";
export type { ImportedNetwork } from "./formats/network-builder.ts";
export { type ExportOnnxOptions, exportOnnx } from "./formats/onnx/export.ts";
export { type ImportOnnxOptions, importOnnx } from "./formats/onnx/import.ts";
export { openSafetensors, type TensorInfo, type WeightsFile } from "./weights/file.ts";
export {
  type Adaptation,
  type LoadWeightsOptions,
  loadWeights,
  type Mismatch,
  type SaveWeightsOptions,
  saveWeights,
  type WeightsReport,
  type WeightsTarget,
} from "./weights/load.ts";
export type { ReadOptions } from "./weights/ranges.ts";
export { decodeSafetensors, encodeSafetensors, type TensorData } from "./weights/safetensors.ts";
export type { OpenOptions, WeightsSource } from "./weights/source.ts";
export type { NamedWeights } from "./weights/tensors.ts";

// Ops of your own: kernels, what an op launches, and where a layer appends it, `x.graph.apply(op, …)`

export type {
  BackwardEmitter,
  Dispatch,
  Emitter,
  Fused,
  GradientRule,
  GradientTarget,
  Op,
  OpNode,
  TensorSpec,
  Tensors,
} from "./graph/op.ts";
export type { Takes } from "./graph/takes.ts";
export { type DType, describe, nhwc, pad4, type Storage, storedLength } from "./graph/tensor.ts";
export type { DefinedKernel } from "./kernel/define/declared.ts";
export { defineKernel } from "./kernel/define/define.ts";
export { fold, grid } from "./kernel/grid.ts";
export type { Kernel, KernelBinding, KernelBindings, KernelConstants } from "./kernel/kernel.ts";

// Graphs, plans and sessions: training by hand

export type { Seed } from "./graph/autodiff.ts";
export {
  Graph,
  type GraphOptions,
  type Initializer,
  type Precision,
  precisions,
  type Variable,
} from "./graph/graph.ts";
export { pad, type Tensor, unpad } from "./graph/tensor.ts";
export { lower, type Program, type ProgramOptions } from "./ops/lower.ts";
export type { MemoryLimits } from "./plan/memory.ts";
export { type MemoryReport, type Plan, plan, type Steps } from "./plan/plan.ts";
export { describePlan } from "./plan/report/describe.ts";
export { drawPlan } from "./plan/report/draw.ts";
export type { Live } from "./run/live.ts";
export {
  type Feeds,
  type InputWriter,
  type LaunchTime,
  type Outputs,
  openSession,
  Session,
} from "./run/session.ts";
export { Variables } from "./run/variables.ts";
