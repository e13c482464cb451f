import { statSync } from "node:fs";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { WebgraftError } from "../base/errors.ts";
import type { Schema } from "../base/schema.ts";
import { FORMATS } from "../data/image-header.ts";
import { datasetNames } from "../data/load.ts";
import { SAMPLE_EXAMPLES } from "../job/sample.ts";
import {
  checkSettings,
  defaultLearningRate,
  defaultSettings,
  FOLDER_IMAGE_SIZE,
  isDatasetName,
  type JobSettings,
  settingRules,
} from "../job/settings.ts";
import { topologies, topologyNames } from "../models/topologies/topologies.ts";
import { optimizers } from "../optimizers/index.ts";
import { type TuneMode, tuneModes } from "../train/tuning/tune.ts";
import { isFolder } from "./data/files-in.ts";
import { scanImageFolder } from "./data/image-folder.ts";
import { browsers, type Engine, engines, isBrowser } from "./engine/engines.ts";
import { TUNING_FILE } from "./files.ts";

export interface TrainOptions {
  readonly engine: Engine;
  /** Folder for the results. */
  readonly out?: string;
  /** Whether to use measurements of kernels from earlier runs, and whether to measure. */
  readonly tune: TuneMode;
  /** Seconds of training between checkpoints. */
  readonly checkpointEvery: number;
  /** Overwrite the run in the folder for the results. */
  readonly force: boolean;
  /** Print the plan of a step instead of training. */
  readonly plan: boolean;
  /** Print events as JSON, one per line, instead of a progress bar. */
  readonly json: boolean;
  /** A new run, or the checkpoint of a run to resume. */
  readonly run: { readonly settings: JobSettings } | { readonly resume: string };
}

/**
 * Parses the arguments of `train`. Throws commander's CommanderError for bad ones (after a message on stderr) and for
 * `--help` (after the help on stdout), and WebgraftError for settings that do not fit together.
 */
export function parseTrainOptions(argv: readonly string[]): TrainOptions {
  const command = new Command("npm run train --")
    .description("Train a topology on the GPU, in a headless browser, Node or Deno.")
    .exitOverride()
    .helpOption("-h, --help", "show this help");
  const defaults = defaultSettings;
  const settings = [
    setting("topology", "<name>", "model to train").default(defaults.topology),
    setting("backbone", "<name>", "network inside it (default: one that suits the size of the images)"),
    setting("widthMult", "<x>", "factor of the channels of a MobileNet (default: 1)"),
    setting("bnEps", "<x>", "eps of its batch norms, 1e-5 for timm's mobilenetv3 (default: torchvision's)"),
    setting("depth", "<n>", "layers of stacked: 8, 14, 20, … (default: 14)"),
    setting("shortcuts", "<name>", "pairs of convolutions of stacked that have one (default: alternate)"),
    new Option(
      "--weights <file...>",
      "pretrained weights to start from: safetensors, ONNX, or TensorFlow.js' model.json",
    ).argParser(files),
    setting("partialWeights", "", "load what fits of a file that fits the model only by half"),
    new Option("--freeze <pattern...>", "parameters that do not train, such as 'resnet.layer1.*'"),
    new Option("--data <name|dir>", `data set (${datasetNames.join(", ")}) or a folder of images, see below`)
      .argParser(data)
      .default(defaults.data),
    setting(
      "imageSize",
      "<n>",
      `height and width to resize images to (default: ${FOLDER_IMAGE_SIZE} in a folder, otherwise as they are)`,
    ),
    setting("skipBroken", "", "go on without images of the folder that cannot be decoded, and say which"),
    setting(
      "examples",
      "<n>",
      `training images, from the first on (default: ${defaults.examples}, or a whole folder)`,
    ),
    setting("perClass", "<n>", "training images of each class instead, chosen by --seed").conflicts(
      "examples",
    ),
    setting("augment", "<kind...>", "random changes of training images"),
    setting(
      "cacheFeatures",
      "",
      "run the frozen first part once and train the rest on its features (see --freeze; not with --augment)",
    ),
    setting("epochs", "<n>", "passes over the training images").default(defaults.epochs),
    setting("batch", "<n>", "images per step").default(defaults.batch),
    setting("microBatches", "<n>", "equal parts in which to compute a batch, to save memory"),
    setting("recompute", "", "compute activations again in the backward pass, to save memory"),
    setting(
      "precision",
      "<name>",
      "how to store activations: f32 (default), or mixed: as f16, to save memory (needs shader-f16: Firefox has it)",
    ),
    setting("lr", "<x>", `peak learning rate (default: ${learningRateHelp()})`),
    setting("optimizer", "<name>", "how to update the weights").default(defaults.optimizer),
    setting("seed", "<n>", "determines the initial weights and the order of the images").default(
      defaults.seed,
    ),
    setting("testExamples", "<n>", "test images to evaluate after each epoch (default: all)"),
    setting("sampleEvery", "<n>", "steps after which to evaluate a sample of the test images, too"),
    setting("sampleExamples", "<n>", `test images in it, from the first on (default: ${SAMPLE_EXAMPLES})`),
    setting("gradientNorms", "", "tell the norm of each parameter's gradient in each step (see --json)"),
    setting(
      "updateRatios",
      "",
      "tell how much each parameter changes in each step, by its norm (see --json)",
    ),
  ];
  // A checkpoint holds the settings of its run.
  for (const option of settings) command.addOption(option.conflicts("resume"));
  command
    .addOption(choice("--engine <name>", "browser, or runtime without one, to train in", engines, "chrome"))
    .addOption(
      choice(
        "--tune <mode>",
        `measured kernels: ignore them, use earlier measurements, or measure too, while it trains (not on a GPU ` +
          `emulated by a CPU) or before it trains (kept in ${TUNING_FILE})`,
        tuneModes,
        "idle",
      ),
    )
    .option("--out <dir>", "folder for the results (default: runs/<time>, or the checkpoint's)")
    .option("--force", "overwrite the run that --out holds, unless it is still going on", false)
    .option("--resume <file>", "resume from a checkpoint.safetensors, with its settings")
    .option("--checkpoint-every <s>", "seconds of training between checkpoints", seconds, 60)
    .option("--plan", "print the plan of a step, its memory and kernels, and end without training", false)
    .option("--json", "print events as JSON, one per line", false)
    .addHelpText("after", helpText);

  const { engine, tune, out, force, resume, checkpointEvery, plan, json, ...given } = command
    .parse(argv, { from: "user" })
    .opts<Omit<TrainOptions, "run"> & { resume?: string } & Given>();
  const run = resume !== undefined ? { resume } : { settings: settingsOf(given) };
  if ("settings" in run) checkEngine(engine, run.settings);
  return { engine, tune, checkpointEvery, force, plan, json, run, ...(out !== undefined && { out }) };
}

/** Throws WebgraftError if an engine cannot read the images of a run. */
export function checkEngine(engine: Engine, { data }: JobSettings): void {
  if (isBrowser(engine) || isDatasetName(data)) return;
  throw new WebgraftError(
    `--engine ${engine}: cannot decode the images of a folder — got ${data}; take --engine ${browsers.join(" or ")}`,
  );
}

type Given = Omit<JobSettings, "frozen" | "lr"> &
  Partial<Pick<JobSettings, "lr">> & { readonly freeze?: readonly string[] };

/** Makes settings of arguments, with the defaults that depend on other settings. */
function settingsOf({ freeze, ...given }: Given): JobSettings {
  const { data, seed } = given;
  const folder = isDatasetName(data) ? undefined : scanImageFolder(data, seed);
  return checkSettings({
    ...(folder && { imageSize: FOLDER_IMAGE_SIZE, fingerprint: folder.fingerprint }),
    ...given,
    ...(freeze && { frozen: freeze }),
    lr: given.lr ?? defaultLearningRate(given),
    ...(given.perClass === undefined && {
      examples: given.examples ?? folder?.train.length ?? defaultSettings.examples,
    }),
  });
}

const helpText = `
A folder of images holds a folder for each class, named after the class; or two such folders, train and test (or val,
valid, validation). Without those, a fifth of each class, chosen by --seed, is for testing. Files are images by what is
in them: ${FORMATS}. What else lies there is left out, and told.

The results are model.safetensors, metrics.json and report.html, and checkpoint.safetensors after each minute and epoch.
Ctrl-C, like SIGTERM and SIGHUP, stops the run and writes a checkpoint to resume from; a second one ends it at once.
Exit code: 0 when the run is done, 1 when it failed, 2 for bad arguments, 130 after Ctrl-C, 143 after SIGTERM.`;

/** The name of a data set, or the absolute path of a folder. */
function data(text: string): string {
  if (isDatasetName(text)) return text;
  const path = resolve(text);
  if (isFolder(path)) return path;
  throw new InvalidArgumentError(`It must be a data set (${datasetNames.join(", ")}) or a folder.`);
}

/** The absolute paths of files: those before, and this one. */
function files(text: string, before: readonly string[] = []): readonly string[] {
  const path = resolve(text);
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return [...before, path];
  throw new InvalidArgumentError("The file does not exist.");
}

function seconds(text: string): number {
  const number = Number(text);
  if (number > 0 && Number.isFinite(number)) return number;
  throw new InvalidArgumentError("It must be a positive number.");
}

function choice(flags: string, description: string, names: readonly string[], value: string): Option {
  return new Option(flags, description).choices(names).default(value);
}

/** The option of a setting, checked by the setting's rule. */
function setting(
  name: keyof JobSettings,
  value: "" | "<n>" | "<x>" | "<name>" | "<kind...>",
  help: string,
): Option {
  const flag = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const option = new Option(`--${flag} ${value}`.trim(), help);
  const { names, text: must, accepts }: Schema<unknown> = settingRules[name];
  if (names) return option.choices(names);
  if (value === "") return option;
  return option.argParser((text) => {
    const number = text.trim() === "" ? Number.NaN : Number(text);
    if (accepts(number)) return number;
    throw new InvalidArgumentError(`It must be ${must}.`);
  });
}

function learningRateHelp(): string {
  const rates = Object.entries(optimizers).map(([name, { learningRate }]) => `${learningRate} for ${name}`);
  const wide = topologyNames().filter((name) => topologies[name].wideHead);
  const lower = Object.values(optimizers).map(({ wideHeadRate }) => wideHeadRate);
  return `${rates.join(", ")}; with ${wide.join(", ")} ${lower.join(", ")}`;
}
