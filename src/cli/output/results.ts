import { modelFile } from "../../predict/model-file.ts";
import type { FileContents } from "../files.ts";
import { runFileNames } from "../run-folder.ts";
import { reportHtml } from "./report.ts";
import type { Metrics } from "./run-log.ts";

/** The checkpoint and the curves of a run so far. */
export function progressFiles(metrics: Metrics, picture: string, checkpoint: Uint8Array): FileContents {
  return { [runFileNames.checkpoint]: checkpoint, ...curves(metrics, picture) };
}

/** The results of a finished run. */
export function resultFiles(metrics: Metrics, picture: string, checkpoint: Uint8Array): FileContents {
  const { settings, testAccuracy } = metrics;
  const model = modelFile(checkpoint, {
    settings: JSON.stringify(settings),
    testAccuracy: String(testAccuracy),
  });
  return { [runFileNames.model]: model, ...curves(metrics, picture) };
}

function curves(metrics: Metrics, picture: string): FileContents {
  return {
    [runFileNames.metrics]: `${JSON.stringify(metrics, undefined, 1)}\n`,
    [runFileNames.report]: reportHtml(metrics, picture),
  };
}
