import type { TuningStore } from "../gpu/tuning.ts";
import type { TuneMode } from "../train/tuning/tune.ts";

/** Where a job finds its data and weights, and how often it makes a checkpoint. */
export interface JobOptions {
  /** Folder of the data sets, as for `loadDataset`; its subfolder `folder` holds the run's folder of images. */
  readonly dataUrl: string;
  /** Gives the address of a weight file in the settings. Default: the file is an address itself. */
  readonly weightsUrl?: (file: string, index: number) => string;
  /** As in `TrainerOptions`: what to do about measured kernels, and where to keep them. */
  readonly tune?: TuneMode;
  readonly tuningStore?: TuningStore;
  /**
   * Seconds of training after which a checkpoint is made, besides those at the end of each epoch: what a lost device or a
   * closed tab costs at most, but for the step or the evaluation under way. A pause counts as no training. Default 60.
   */
  readonly checkpointEvery?: number;
}
