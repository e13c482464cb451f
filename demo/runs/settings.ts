/** What decides a race, as plain data: two races with the same settings on one adapter have the same losses. */
import { type DatasetName, datasetNames } from "webgraft";

/** The networks that can race. */
export const laneKinds = [
  "plain",
  "graft",
  "residual",
  "convnet",
  "interleaved",
  "sequential",
  "fusion",
  "features",
  "resnet20",
] as const;

export type LaneKind = (typeof laneKinds)[number];

/** From this step of this seed on, all lanes learn with this rate, times their schedule. */
export interface RateChange {
  readonly seed: number;
  /** 1 for the first step of a seed. */
  readonly step: number;
  readonly rate: number;
}

export interface RaceSettings {
  readonly data: DatasetName;
  /** Training images, from the first on. */
  readonly images: number;
  /** Test images, from the first on, which decide the race. */
  readonly testImages: number;
  readonly epochs: number;
  readonly batch: number;
  /** Of AdamW, at the height of one cycle. */
  readonly rate: number;
  /** Layers of `plain`, `graft` and `residual`. */
  readonly depth: number;
  /** Whether batch norm follows the convolutions of these three. */
  readonly batchNorm: boolean;
  readonly lanes: readonly LaneKind[];
  /** The race is run with seeds 1…seeds. */
  readonly seeds: number;
  /** What was changed by hand while it ran, in order. */
  readonly rates: readonly RateChange[];
}

/** The setting of the recorded study, where a shortcut makes a difference. */
export const defaultSettings: RaceSettings = {
  data: "mnist",
  images: 1_000,
  testImages: 2_000,
  epochs: 4,
  batch: 32,
  rate: 3e-3,
  depth: 26,
  batchNorm: true,
  lanes: ["plain", "graft", "residual"],
  seeds: 5,
  rates: [],
};

/** The depths of the recorded study. */
export const depths = [8, 14, 26, 50] as const;

/** Images of MNIST to choose from. */
export const imageCounts = [300, 600, 1_000, 3_000, 12_000] as const;

const isWhole = (value: number, low: number, high: number): boolean =>
  Number.isInteger(value) && value >= low && value <= high;

const isRate = (value: number): boolean => value > 0 && value <= 10;

/** How a setting is written in an address or a form. */
interface Codec<T> {
  /** What a setting may be, in words. */
  readonly allowed: string;
  write(value: T): string;
  /** Undefined for what is not allowed. */
  read(text: string): T | undefined;
}

const codecs: { readonly [K in keyof RaceSettings]: Codec<RaceSettings[K]> } = {
  data: {
    allowed: `one of ${datasetNames.join(", ")}`,
    write: String,
    read: (text) => datasetNames.find((name) => name === text),
  },
  images: whole(2, 12_000),
  testImages: whole(1, 10_000),
  epochs: whole(1, 100),
  batch: whole(1, 512, ", and no more than there are training images"),
  rate: {
    allowed: "more than 0 and at most 10, such as 0.003 or 3e-3",
    write: String,
    read: (text) => (isRate(Number(text)) ? Number(text) : undefined),
  },
  depth: {
    allowed: "6n + 2 layers from 8 to 110, such as 8, 14, 20, 26, 50",
    write: String,
    read: (text) => (isWhole(Number(text), 8, 110) && Number(text) % 6 === 2 ? Number(text) : undefined),
  },
  batchNorm: {
    allowed: "yes or no",
    write: (value) => (value ? "yes" : "no"),
    read: (text) => (text === "yes" ? true : text === "no" ? false : undefined),
  },
  lanes: {
    allowed: "two to four different networks",
    write: (value) => value.join("."),
    read(text) {
      const kinds = text.split(".").map((name) => laneKinds.find((kind) => kind === name));
      const known = kinds.filter((kind) => kind !== undefined);
      const fits = known.length === kinds.length && new Set(known).size === known.length;
      return fits && known.length >= 2 && known.length <= 4 ? known : undefined;
    },
  },
  seeds: whole(1, 20),
  rates: {
    allowed: "changes as seed-step-rate, joined by _",
    write: (value) => value.map(({ seed, step, rate }) => `${seed}-${step}-${rate}`).join("_"),
    read(text) {
      if (text === "") return [];
      const changes = text.split("_").map((change) => {
        const [, seed, step, rate] = /^(\d{1,2})-(\d{1,6})-([\d.e-]+)$/.exec(change) ?? [];
        return { seed: Number(seed), step: Number(step), rate: Number(rate) };
      });
      return changes.every(({ step, rate }) => step >= 1 && isRate(rate)) ? changes : undefined;
    },
  },
};

function whole(low: number, high: number, besides = ""): Codec<number> {
  return {
    allowed: `a whole number from ${low} to ${high.toLocaleString("en")}${besides}`,
    write: String,
    read: (text) => (text !== "" && isWhole(Number(text), low, high) ? Number(text) : undefined),
  };
}

export const settingNames = Object.keys(codecs) as (keyof RaceSettings)[];

/** What a setting may be, in words. */
export const allowedFor = (name: keyof RaceSettings): string => codecs[name].allowed;

/** A setting as it stands in an address or a form. */
export const writeSetting = <K extends keyof RaceSettings>(name: K, of: RaceSettings): string =>
  codecs[name].write(of[name]);

/** The settings that differ from the default, for an address. */
export function writeSettings(settings: RaceSettings): URLSearchParams {
  return new URLSearchParams(
    settingNames
      .filter((name) => writeSetting(name, settings) !== writeSetting(name, defaultSettings))
      .map((name) => [name, writeSetting(name, settings)]),
  );
}

/** The settings in an address; `refused` are those that are none, in the place of which the default stands. */
export function readSettings(given: URLSearchParams): { settings: RaceSettings; refused: readonly string[] } {
  const settings = { ...defaultSettings };
  const refused: string[] = [];
  const read = <K extends keyof RaceSettings>(name: K): void => {
    const text = given.get(name);
    if (text === null) return;
    const value = codecs[name].read(text);
    if (value === undefined) refused.push(`${name}=${text}`);
    else settings[name] = value;
  };
  for (const name of settingNames) read(name);
  if (settings.batch > settings.images) {
    refused.push(`batch=${settings.batch}`);
    settings.batch = Math.min(defaultSettings.batch, settings.images);
  }
  return { settings, refused };
}
