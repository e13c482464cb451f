/** How the page speaks of settings, and of runs by them. */
import type { DatasetName } from "webgraft";
import { counted } from "../app/words.ts";
import { laneNames } from "./lane-names.ts";
import type { RaceSettings } from "./settings.ts";

const dataNames: Readonly<Record<DatasetName, string>> = { mnist: "MNIST", fashion: "Fashion-MNIST" };

/** What each setting is called, and its value, which says what it is alone, too. */
export const settingWords: {
  readonly [K in keyof RaceSettings]: {
    readonly name: string;
    readonly text: (value: RaceSettings[K]) => string;
  };
} = {
  data: { name: "Data", text: (value) => dataNames[value] },
  images: { name: "Training images", text: (value) => counted(value, "image") },
  testImages: { name: "Test images", text: (value) => counted(value, "test image") },
  epochs: { name: "Epochs", text: (value) => counted(value, "epoch") },
  batch: { name: "Batch", text: (value) => `${counted(value, "image")} a step` },
  rate: { name: "Learning rate", text: (value) => `rate ${value}` },
  depth: { name: "Depth", text: (value) => counted(value, "layer") },
  batchNorm: { name: "Batch norm", text: (value) => (value ? "with batch norm" : "without batch norm") },
  lanes: { name: "Networks", text: (value) => value.map((kind) => laneNames[kind].name).join(", ") },
  seeds: { name: "Seeds", text: (value) => counted(value, "seed") },
  rates: {
    name: "Rate changed by hand",
    text: (value) =>
      value.map(({ seed, step, rate }) => `${rate} from step ${step} of seed ${seed}`).join(", ") || "never",
  },
};

export const settingText = <K extends keyof RaceSettings>(name: K, settings: RaceSettings): string =>
  settingWords[name].text(settings[name]);

/** A run in a few words, which others may share. */
export const runTitle = (settings: RaceSettings): string =>
  (["data", "depth", "images"] as const).map((name) => settingText(name, settings)).join(" · ");

export const dateText = (date: string): string =>
  new Date(date).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
