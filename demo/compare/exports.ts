/** Runs as text for other programs. */
import type { RunRecord, SeedLog } from "../runs/run.ts";
import { writeSettings } from "../runs/settings.ts";
import type { Row } from "./comparison.ts";

const columns = [
  "run",
  "started",
  "settings",
  "lane",
  "seed",
  "step",
  "rate",
  "loss",
  "accuracy",
  "test_accuracy",
  "milliseconds",
] as const;

/**
 * All steps of runs as CSV (RFC 4180), one row for each run, lane, seed and step:
 *
 * - `run` 1, 2, … in the order given, `started` ISO 8601, `settings` as in the page's address, without the defaults;
 * - `lane` the network, `seed`, and `step` from 1;
 * - `rate` the learning rate of the step, `loss` the mean over its batch, empty once the lane has ended;
 * - `accuracy` on the sample of test images, 0…1, empty at steps that took none;
 * - `test_accuracy` on all test images, 0…1, at the last step of a seed that is done;
 * - `milliseconds` from the step before, for all lanes together.
 */
export function csvOf(runs: readonly RunRecord[]): string {
  const rows = runs.flatMap((run, i) => {
    const head = [i + 1, run.date, writeSettings(run.settings).toString()];
    return run.seeds.flatMap((seed) =>
      run.settings.lanes.flatMap((lane, place) => rowsOf(seed, place).map((row) => [...head, lane, ...row])),
    );
  });
  return [columns, ...rows].map((row) => `${row.map(quoted).join(",")}\r\n`).join("");
}

function rowsOf({ seed, steps, samples, result }: SeedLog, lane: number): (number | null)[][] {
  const sampled = new Map(samples.map(({ step, accuracies }) => [step, accuracies[lane] ?? null]));
  return steps.map(({ step, rate, losses, milliseconds }, i) => [
    seed,
    step,
    rate,
    losses[lane] ?? null,
    sampled.get(step) ?? null,
    i === steps.length - 1 ? (result?.accuracies[lane] ?? null) : null,
    milliseconds,
  ]);
}

const quoted = (value: string | number | null): string => {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

/** A table for a README or an issue. */
export function markdownOf(titles: readonly string[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(" | ")} |\n`;
  return [
    line(["", ...titles]),
    line(["---", ...titles.map(() => "---")]),
    ...rows.map(({ name, cells }) => line([name, ...cells])),
  ].join("");
}

const escaped = (text: string): string =>
  text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll(/\s+/g, " ");
