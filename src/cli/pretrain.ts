/**
 * `npm run pretrain`: makes the pretrained backbone of the package, `src/pretrained/resnet20-fashion.safetensors`, and
 * its model card. It trains with `npm run train`, so it takes the same options, such as `--engine`, `--resume`, and
 * `--force` to begin anew.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { modelFile } from "../predict/model-file.ts";
import { writeWhole } from "./files.ts";
import { modelCard } from "./output/model-card.ts";
import type { Metrics } from "./output/run-log.ts";

const NAME = "resnet20-fashion.safetensors";
const RUN = join("runs", "pretrain");
const RECIPE = [
  ...["--topology", "resnet", "--backbone", "resnet20", "--data", "fashion"],
  ...["--examples", "60000", "--epochs", "4", "--batch", "64"],
];

async function main(argv: readonly string[]): Promise<number> {
  const recipe = argv.includes("--resume") ? [] : RECIPE;
  const train = fileURLToPath(new URL("train.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", train, ...recipe, "--out", RUN, ...argv], {
    stdio: "inherit",
  });
  // The training process writes a checkpoint; this one waits for it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (status !== 0) return status ?? 1;
  const metrics = JSON.parse(readFileSync(join(RUN, "metrics.json"), "utf8")) as Metrics;
  const trained = new Uint8Array(readFileSync(join(RUN, "model.safetensors")));
  const file = modelFile(trained, { license: "MIT", testAccuracy: `${metrics.testAccuracy}` }, "F16");
  const folder = fileURLToPath(new URL("../pretrained", import.meta.url));
  for (const path of [
    writeWhole(folder, NAME, file),
    writeWhole(folder, "README.md", modelCard(NAME, file.length, metrics)),
  ]) {
    process.stdout.write(`${path}\n`);
  }
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
