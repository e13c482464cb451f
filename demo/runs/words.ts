/** What networks and settings are called on the page. */
import type { datasetNames } from "webgraft";
import type { LaneKind, RaceSettings } from "./settings.ts";

export interface LaneWords {
  readonly name: string;
  /** Decides its colour: a ConvNet, a ResNet, or grafted of both. */
  readonly origin: "conv" | "res" | "graft";
}

export const laneWords: Readonly<Record<LaneKind, LaneWords>> = {
  plain: { name: "Plain", origin: "conv" },
  graft: { name: "Graft", origin: "graft" },
  residual: { name: "Residual", origin: "res" },
  convnet: { name: "ConvNet", origin: "conv" },
  interleaved: { name: "Interleaved", origin: "graft" },
  sequential: { name: "Sequential", origin: "graft" },
  fusion: { name: "Fusion", origin: "graft" },
  features: { name: "Features", origin: "graft" },
  resnet20: { name: "ResNet-20", origin: "res" },
};

const dataWords: Readonly<Record<(typeof datasetNames)[number], string>> = {
  mnist: "MNIST",
  fashion: "Fashion-MNIST",
};

const count = (value: number): string => value.toLocaleString("en");

/** What each setting is called, and its value with its unit. */
export const settingWords: {
  readonly [K in keyof RaceSettings]: {
    readonly title: string;
    readonly text: (value: RaceSettings[K]) => string;
  };
} = {
  data: { title: "Data", text: (value) => dataWords[value] },
  images: { title: "Training images", text: (value) => `${count(value)} images` },
  testImages: { title: "Test images", text: (value) => `${count(value)} test images` },
  epochs: { title: "Epochs", text: (value) => `${value} ${value === 1 ? "epoch" : "epochs"}` },
  batch: { title: "Batch", text: (value) => `${count(value)} a batch` },
  rate: { title: "Learning rate", text: (value) => `rate ${value}` },
  depth: { title: "Depth", text: (value) => `${value} layers` },
  batchNorm: { title: "Batch norm", text: (value) => (value ? "with batch norm" : "without batch norm") },
  lanes: { title: "Networks", text: (value) => value.map((kind) => laneWords[kind].name).join(", ") },
  seeds: { title: "Seeds", text: (value) => `${value} ${value === 1 ? "seed" : "seeds"}` },
  rates: {
    title: "Rate changed by hand",
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
  new Date(date).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
