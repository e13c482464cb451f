import { Command } from "commander";
import { wholeNumber } from "../options.ts";
import { GPUS } from "./gpus.ts";

export interface Options {
  /** Kernels by name; `*` stands for anything. */
  readonly kernels: readonly string[];
  readonly gpu: readonly string[];
  readonly subgroupSize?: number;
  readonly half: boolean;
  readonly drivers?: string;
  readonly save?: string;
  readonly keep: boolean;
  readonly check: boolean;
}

/** Throws CommanderError for a bad option. */
export function parseOptions(args: readonly string[]): Options {
  const command = new Command("gpu:lab")
    .description(
      "compiles the kernels for GPUs that need not be there, and reads what their compilers made of them",
    )
    .argument("[kernel...]", "only kernels of these names; * stands for anything")
    .option(
      "--gpu <names>",
      "Mesa's navi31, gfx1201, … (AMD) and tgl, bmg, … (Intel), NVIDIA's sm_75, sm_86, …",
      (names) => names.split(","),
      [...GPUS] as string[],
    )
    .option("--subgroup-size <n>", "instead of what the library asks for: for all kernels", wholeNumber)
    .option("--half", "activations are f16 in memory", false)
    .option("--drivers <folder>", "where Mesa's drivers are, instead of those that are downloaded")
    .option("--save <folder>", "keep the instructions there")
    .option("--keep", "write figures.json, or of it what was compiled", false)
    .option("--check", "compare with figures.json; fails where a figure is worse by more than 5 %", false)
    .exitOverride()
    .parse(args, { from: "user" });
  return { kernels: command.args, ...command.opts<Omit<Options, "kernels">>() };
}
