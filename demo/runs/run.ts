/** A race that ran, or runs: what the charts draw, what Compare keeps, and what a replay plays. Plain data. */
import type { RaceMemory, RaceResult, SeedResult, Verdict } from "webgraft";
import type { LaneKind, RaceSettings } from "./settings.ts";

/** A layer with weights, as a lane draws it. */
export interface DrawnLayer {
  /** As in the model, such as `layer1.0.conv1`. */
  readonly label: string;
  readonly kind: "convolution" | "dense";
  /** Whether it belongs to a block with a shortcut. */
  readonly residual: boolean;
  /** Whether it lies on a shortcut, to change its shape. */
  readonly projection: boolean;
  /** Of its output; a dense layer's map has one pixel. */
  readonly height: number;
  readonly channels: number;
}

/** A network as a lane draws it. */
export interface LaneModel {
  readonly kind: LaneKind;
  readonly parameters: number;
  readonly layers: readonly DrawnLayer[];
  /** Shortcuts, from the input of one layer to the output of another, as indices into `layers`. */
  readonly shortcuts: readonly (readonly [from: number, to: number])[];
}

/** What was told of one seed. Lists by lane are in the order of the lanes. */
export interface SeedLog {
  readonly seed: number;
  readonly totalSteps: number;
  readonly steps: StepLog[];
  readonly samples: { readonly step: number; readonly accuracies: readonly (number | null)[] }[];
  /** Messages of lanes that ended with a NonFiniteError. */
  readonly ended: { readonly lane: number; readonly message: string }[];
  /** On the test images, once the seed is done. */
  result: SeedResult | undefined;
}

export interface StepLog {
  readonly step: number;
  readonly milliseconds: number;
  readonly rate: number;
  /** Mean of the batch; null for a lane that has ended. */
  readonly losses: readonly (number | null)[];
  /** For each lane the norm of the gradient of each layer's weights, in the order of `LaneModel.layers`. */
  readonly gradients: readonly (readonly number[] | null)[];
}

export interface RunRecord {
  readonly id: string;
  /** When it began, ISO 8601. */
  readonly date: string;
  readonly settings: RaceSettings;
  readonly adapter: string;
  readonly software: boolean;
  readonly version: string;
  readonly browser: string;
  readonly lanes: readonly LaneModel[];
  readonly memory: RaceMemory;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** Test images that tell the accuracy while the lanes learn. */
  readonly sampleImages: number;
  readonly seeds: readonly SeedLog[];
  readonly verdict: Verdict | undefined;
  /** Whether it was stopped before the last seed was done; undefined while it runs. */
  readonly stopped: boolean | undefined;
}

export type { RaceResult };
