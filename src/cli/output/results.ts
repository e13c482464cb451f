import { modelFile } from "../../predict/model-file.ts";
import { writeWhole } from "../files.ts";
import { reportHtml } from "./report.ts";
import type { Metrics } from "./run-log.ts";

const CHECKPOINT = "checkpoint.safetensors";

/** Writes the checkpoint and the curves of a run so far. Returns the path of the checkpoint. */
export function writeProgress(
  folder: string,
  metrics: Metrics,
  picture: string,
  checkpoint: Uint8Array,
): string {
  const path = writeWhole(folder, CHECKPOINT, checkpoint);
  writeCurves(folder, metrics, picture);
  return path;
}

/** Writes the results of a finished run. Returns their paths. */
export function writeResults(
  folder: string,
  metrics: Metrics,
  picture: string,
  checkpoint: Uint8Array,
): string[] {
  const { settings, testAccuracy } = metrics;
  const model = modelFile(checkpoint, {
    settings: JSON.stringify(settings),
    testAccuracy: String(testAccuracy),
  });
  return [writeWhole(folder, "model.safetensors", model), ...writeCurves(folder, metrics, picture)];
}

function writeCurves(folder: string, metrics: Metrics, picture: string): string[] {
  return [
    writeWhole(folder, "metrics.json", `${JSON.stringify(metrics, undefined, 1)}\n`),
    writeWhole(folder, "report.html", reportHtml(metrics, picture)),
  ];
}
