import { ProgressLine } from "../bench/progress.ts";
import { markdownTable, number } from "../bench/tables.ts";
import { inEngine } from "../bench/visit.ts";
import { app } from "./instead/resources.ts";
import type { TuneResult, TuneSettings } from "./pages/tune.ts";
import { type Place, write } from "./place.ts";

/** Measures the variants of the kernels of these networks. */
export async function tuneKernels({ folder, gpu, description }: Place, names: string[]): Promise<boolean> {
  const networks = names.length > 0 ? names : ["interleaved", "resnet18"];
  const progress = new ProgressLine();
  const page = { url: "", file: app("pages/tune.js") };
  const { table } = await inEngine("node", progress.show, (visit) =>
    visit<TuneSettings, TuneResult>(page, { networks, few: gpu === "software" }),
  );
  progress.clear();
  const failed = Object.entries(table.failed).flatMap(([task, variants]) =>
    variants.map((variant) => `- failed: ${task}: ${variant}`),
  );
  const best = markdownTable({
    title: "The best variant of each task",
    header: ["task", "variant", "ms", "the heuristic's choice takes"],
    rows: Object.entries(table.tuned).map(([task, { variant, milliseconds, gain }]) => [
      ...[task, variant, number(milliseconds)],
      `${number(gain)}×`,
    ]),
    words: 2,
  });
  write(
    folder,
    "tuning.json",
    JSON.stringify({ date: new Date().toISOString(), adapter: description, table }, null, 1),
  );
  write(
    folder,
    "tuning.md",
    [description, best, ...(failed.length > 0 ? [failed.join("\n")] : [])].join("\n\n"),
  );
  return true;
}
