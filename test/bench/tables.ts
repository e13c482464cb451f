/** The tables of a report, which are printed as text and written as Markdown. */
import type { Ceiling, KernelResult, Report } from "./report.ts";
import { geometricMean, type Spread } from "./statistics.ts";

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Leading columns that hold words; the others hold numbers. */
  readonly words: number;
}

export function tablesOf({ ceilings, kernels }: Report): Table[] {
  return [
    ...(ceilings ? [ceilingTable(ceilings)] : []),
    ...(kernels ? [kernelTable(kernels), meanTable(kernels)] : []),
  ];
}

const ceilingTable = (ceilings: readonly Ceiling[]): Table => ({
  title: "Ceilings",
  header: ["what", "value", "unit"],
  rows: ceilings.map(({ name, value, unit }) => [name, number(value), unit]),
  words: 1,
});

const kernelTable = (kernels: readonly KernelResult[]): Table => ({
  title: "Kernels",
  header: ["pass", "shape", "ms", "quartiles", "GFLOPS", "GB/s", "of the ceiling"],
  rows: kernels.map((kernel) => [
    kernel.name,
    kernel.shape,
    number(kernel.medianMs),
    quartiles(kernel),
    kernel.gflops === undefined ? "" : number(kernel.gflops),
    kernel.gbps === undefined ? "" : number(kernel.gbps),
    `${percent(kernel.shareOfCeiling)} ${kernel.ceiling}`,
  ]),
  words: 2,
});

function meanTable(kernels: readonly KernelResult[]): Table {
  const names = [...new Set(kernels.map(({ name }) => name))];
  return {
    title: "Kernels, geometric means",
    header: ["pass", "shapes", "GFLOPS or GB/s", "of the ceiling"],
    rows: names.map((name) => {
      const those = kernels.filter((kernel) => kernel.name === name);
      return [
        name,
        String(those.length),
        number(geometricMean(those.map(({ gflops, gbps }) => gflops ?? gbps!))),
        percent(geometricMean(those.map(({ shareOfCeiling }) => shareOfCeiling))),
      ];
    }),
    words: 1,
  };
}

/** Three digits, more of large numbers. */
export const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
const quartiles = ({ quartilesMs: [low, high] }: Spread): string => `${number(low)}–${number(high)}`;

export function asText({ title, header, rows, words }: Table): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const lines = all.map((row) =>
    row
      .map((cell, i) => (i < words ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
  return [title, "", ...lines].join("\n");
}

export function asMarkdown({ title, header, rows, words }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, i) => (i < words ? "---" : "---:"));
  return [`### ${title}`, "", line(header), line(rule), ...rows.map(line)].join("\n");
}
