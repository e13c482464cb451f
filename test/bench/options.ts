import { Command, InvalidArgumentError, Option } from "commander";
import { type Engine, engines, isBrowser } from "../../src/cli/engine/engines.ts";
import { CASES } from "./cases.ts";
import { GPUS } from "./model/gpus.ts";

export const PARTS = ["ceilings", "kernels", "host", "peers", "memory", "cold", "size", "model"] as const;
export const PEERS = ["jax", "tfjs", "ort"] as const;

/** The default, which takes some minutes on two CPU cores. */
const DEFAULT = ["ceilings", "kernels", "interleaved-32", "resnet18-inference", "cold", "size"];

/** The same without what needs a browser. */
const WITHOUT_BROWSER = ["ceilings", "kernels", "host", "interleaved-32", "resnet18-inference"];

export interface Options {
  readonly engine: Engine;
  /** `PARTS` and keys of `CASES`. */
  readonly only: readonly string[];
  readonly peers: readonly string[];
  readonly shapes: "quick" | "all";
  readonly match: string;
  readonly tune: boolean;
  readonly steps: number;
  readonly sampleMs: number;
  /** Of `GPUS`, for the model. */
  readonly gpu: readonly string[];
  readonly out?: string;
  readonly json?: string;
  readonly markdown?: string;
}

/** Throws CommanderError for a bad option. */
export function parseOptions(args: readonly string[]): Options {
  const command = new Command("bench")
    .description("measures the library against the adapter's ceilings and against its peers")
    .addOption(
      new Option("--engine <name>", "browser, or node or deno without peers")
        .choices(engines)
        .default("chrome"),
    )
    .addOption(
      new Option("--only <name...>", "measure these; peers and memory are all the networks named after them")
        .choices([...PARTS, ...Object.keys(CASES)])
        .default(DEFAULT, DEFAULT.join(" ")),
    )
    .addOption(
      new Option("--peers <name...>", "compare with these").choices([...PEERS, "none"]).default(PEERS, "all"),
    )
    .addOption(
      new Option("--shapes <which>", "shapes of kernels: those of small networks, or all")
        .choices(["quick", "all"])
        .default("quick"),
    )
    .option("--match <text>", 'only kernels whose pass and shape contain this, such as "grad weight"', "")
    .option("--tune", "let the library measure the variants of its kernels first", false)
    .option("--steps <n>", "timed samples of everything", wholeNumber, 5)
    .option(
      "--sample-ms <ms>",
      "ceilings and kernels are repeated until a sample takes this long",
      wholeNumber,
      10,
    )
    .option(
      "--gpu <names>",
      `GPUs of the model, of ${Object.keys(GPUS).join(",")}`,
      gpuNames,
      Object.keys(GPUS),
    )
    .option("--out <folder>", "where bench.json and bench.svg go (default: runs/bench-<time>)")
    .option("--json <file>", "write bench.json there instead")
    .option("--markdown <file>", "also write the tables there; a README gets them between its marks")
    .exitOverride()
    .parse(args, { from: "user" });
  const options = command.opts<Options>();
  const peers = options.peers.filter((peer) => peer !== "none");
  if (isBrowser(options.engine)) return { ...options, peers };
  const given = (name: "only" | "peers"): boolean => command.getOptionValueSource(name) === "cli";
  const asked = given("peers") ? peers : [];
  const wrong = [...asked, ...(given("only") ? options.only.filter((part) => part === "cold") : [])];
  if (wrong.length > 0) {
    command.error(
      `error: ${wrong.join(", ")} cannot be measured in ${options.engine}: peers and cold starts need a browser`,
    );
  }
  return { ...options, peers: [], only: given("only") ? options.only : WITHOUT_BROWSER };
}

function gpuNames(text: string): readonly string[] {
  const names = text.split(",");
  const unknown = names.find((name) => !(name in GPUS));
  if (unknown !== undefined) throw new InvalidArgumentError(`knows no GPU "${unknown}"`);
  return names;
}

/** A whole number from 1 on, as an option's value. Throws InvalidArgumentError for what is none. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError("expects a whole number from 1 on");
  return value;
}
