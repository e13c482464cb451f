import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileShape } from "../../src/weights/layout.ts";
import { CASES } from "../bench/cases.ts";
import { describeNetwork } from "../bench/page/network.ts";
import type { Report } from "../bench/report.ts";
import { number, range, type Table } from "../bench/tables.ts";
import { app } from "./instead/resources.ts";
import { write } from "./place.ts";

/** What time_steps.py writes. */
interface TorchResult {
  /** PyTorch's version and device. */
  readonly device: string;
  readonly steps: readonly {
    readonly name: string;
    readonly mode: string;
    readonly medianMs?: number;
    readonly quartilesMs?: readonly [number, number];
    readonly error?: string;
  }[];
}

/** Times the training steps of a report in PyTorch, if python3 has it; a table for each network, beside our own time. */
export function timeTorch(folder: string, { peers = [] }: Report): Table[] {
  const trained = peers.filter(({ task }) => task === "training");
  const networks = trained.map(({ name, batch }) => {
    const model = CASES[name]!.model();
    const { layers, variables } = describeNetwork(model);
    const weights = Object.fromEntries(variables.map((variable) => [variable.name, fileShape(variable)]));
    return { name, batch, inputShape: model.inputShape, classes: model.classes, layers, weights };
  });
  write(folder, "networks.json", JSON.stringify(networks));
  const [input, output] = ["networks.json", "torch.json"].map((name) => join(folder, name));
  // Without the kit's own libraries.
  const { LD_LIBRARY_PATH: _, ...env } = process.env;
  const { status, error } = spawnSync("python3", [app("time_steps.py"), input!, output!], {
    stdio: "inherit",
    env,
  });
  if (status !== 0) {
    process.stderr.write(
      `kit: PyTorch was not timed to the end — ${error?.message ?? `exit status ${status}`}\n`,
    );
  }
  if (!existsSync(output!)) return [];
  const { device, steps } = JSON.parse(readFileSync(output!, "utf8")) as TorchResult;
  return trained.map(({ name, contestants }) => {
    const own = contestants.webgraft!.medianMs;
    return {
      title: `${name} in ${device}`,
      header: ["mode", "median ms", "quartiles", "Webgraft takes"],
      rows: steps
        .filter((step) => step.name === name)
        .map(({ mode, medianMs, quartilesMs, error }) =>
          medianMs === undefined
            ? [mode, error ?? "", "", ""]
            : [
                ...[mode, number(medianMs), range(quartilesMs!)],
                own === undefined ? "" : `${number(own / medianMs)}×`,
              ],
        ),
      words: 1,
    };
  });
}
