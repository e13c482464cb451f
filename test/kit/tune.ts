import { ProgressLine } from "../bench/progress.ts";
import { markdownTable, number } from "../bench/tables.ts";
import { inEngine } from "../bench/visit.ts";
import { app } from "./instead/programs.ts";
import { type Place, write } from "./kit.ts";
import type { TuneResult, TuneSettings } from "./pages/tune.ts";

/** Measures the variants of the kernels of interleaved and ResNet-18; `--all` also of ResNet-50 and VGG-16. */
export async function tuneKernels({ folder, gpu, description }: Place, args: string[]): Promise<boolean> {
  const settings = { shapes: args.includes("--all") ? "all" : "quick", few: gpu === "software" } as const;
  const progress = new ProgressLine();
  const page = { url: "", file: app("pages/tune.js") };
  const { table } = await inEngine("node", progress.show, (visit) =>
    visit<TuneSettings, TuneResult>(page, settings),
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
