/** What the page asks of the worker for its own pictures, and hears of it. */
import type { Confusion } from "webgraft";
import type { Recipe } from "./images-recipe.ts";

/** A picture that was read, or why it could not be. */
export type ReadEvent =
  | { readonly file: number; readonly id: number }
  | { readonly file: number; readonly problem: string };

/** A class with the pictures that it has. */
export interface PictureClass {
  readonly name: string;
  /** The worker's numbers of its pictures, in the order in which they came. */
  readonly pictures: readonly number[];
}

export interface TrainRequest {
  readonly classes: readonly PictureClass[];
  readonly recipe: Recipe;
  /** The backbone's weights: a file's address, or a file with those that it names. */
  readonly weights: string | readonly File[];
}

export type TrainEvent =
  | { readonly type: "compiling"; readonly ready: number; readonly wanted: number }
  | { readonly type: "features"; readonly done: number; readonly of: number }
  | { readonly type: "step"; readonly step: number; readonly of: number; readonly loss: number }
  /** The device was lost; training begins again. */
  | { readonly type: "lost" };

/** A network that was trained on pictures, as it did on those kept back. */
export interface Trained {
  readonly labels: readonly string[];
  readonly confusion: Confusion;
  readonly trainImages: number;
  readonly seconds: number;
  readonly adapter: string;
  readonly recipe: Recipe;
}

export const exportKinds = ["model", "onnx", "weights"] as const;

export type ExportKind = (typeof exportKinds)[number];
