/** What the worker tells while it works on a race, besides the race's own events. */
import type { RaceEvent, RaceMemory } from "webgraft";
import type { LaneModel } from "../runs/run.ts";
import type { RateChange } from "../runs/settings.ts";

/** Held, and shared, by who runs a race, so that no other page offers to go on with it. */
export const RACE_LOCK = "webgraft race";

export type StudioEvent =
  | RaceEvent
  /** Bytes as they come over the network; `total` once servers have told it. */
  | { readonly type: "loading"; readonly loaded: number; readonly total: number | undefined }
  | { readonly type: "adapter"; readonly adapter: string; readonly software: boolean }
  /** Pipelines that are ready, of those wanted so far. */
  | { readonly type: "compiling"; readonly ready: number; readonly wanted: number }
  /** The lanes are there; the first step comes next. */
  | {
      readonly type: "open";
      readonly lanes: readonly LaneModel[];
      readonly memory: RaceMemory;
      /** Names of the classes. */
      readonly classes: readonly string[];
      /** Test images that tell the accuracy while the lanes learn. */
      readonly sampleImages: number;
    }
  /** The learning rate was changed by hand; all changes so far. */
  | { readonly type: "rates"; readonly rates: readonly RateChange[] }
  /** The device was lost; the race goes on by itself, from a snapshot. */
  | { readonly type: "lost"; readonly message: string }
  /** What was told after this step is void: the race goes on from here. */
  | { readonly type: "restored"; readonly seed: number; readonly step: number }
  /** This browser does not keep the race, because its storage is full or it keeps nothing at all. */
  | { readonly type: "refused"; readonly message: string }
  /** This browser keeps the race as far as this step. */
  | { readonly type: "saved"; readonly seed: number; readonly step: number };
