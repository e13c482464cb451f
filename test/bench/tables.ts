/** The tables of a report, as text and as Markdown. */
import { COLD_CASE } from "./cases.ts";
import type { ModelledStep } from "./model/model.ts";
import type {
  Ceiling,
  ColdResult,
  HostResult,
  KernelResult,
  PeerResult,
  Report,
  SizeResult,
} from "./report.ts";
import { geometricMean } from "./statistics.ts";

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How many leading columns hold words; the others hold numbers. */
  readonly words: number;
  /** Too long for a document. */
  readonly long?: boolean;
}

export function tablesOf({ ceilings, kernels, host, peers, cold, sizes, model }: Report): Table[] {
  return [
    ...(ceilings ? [ceilingTable(ceilings)] : []),
    ...(kernels ? [kernelTable(kernels), meanTable(kernels)] : []),
    ...(host ? [hostTable(host)] : []),
    ...(peers ?? []).map(peerTable),
    ...(cold ? [coldTable(cold)] : []),
    ...(sizes ? [sizeTable(sizes)] : []),
    ...(model ? [modelTable(model), modelledKernelTable(model)] : []),
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
    range(kernel.quartilesMs),
    kernel.gflops === undefined ? "" : number(kernel.gflops),
    kernel.gbps === undefined ? "" : number(kernel.gbps),
    `${percent(kernel.shareOfCeiling)} ${kernel.ceiling}`,
  ]),
  words: 2,
  long: true,
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

const hostTable = ({ name, dispatches, medianMs, quartilesMs }: HostResult): Table => ({
  title: "Host: encoding and submitting a training step",
  header: ["network", "launches", "median ms", "quartiles"],
  rows: [[name, String(dispatches), number(medianMs), range(quartilesMs)]],
  words: 1,
});

function peerTable({ name, network, batch, task, contestants }: PeerResult): Table {
  const own = contestants.webgraft?.medianMs;
  return {
    title: `${name}: ${task} of ${network}, batch ${batch}`,
    header: ["who", "median ms", "quartiles", "time", "first ms", "MiB of GPU buffers"],
    rows: Object.values(contestants).map(({ name, medianMs, quartilesMs, firstMs, gpuBytes }) => [
      name,
      medianMs === undefined ? "" : number(medianMs),
      quartilesMs === undefined ? "" : range(quartilesMs),
      medianMs === undefined || own === undefined ? "" : `${number(medianMs / own)}×`,
      number(firstMs),
      number(gpuBytes / 2 ** 20),
    ]),
    words: 1,
  };
}

const coldTable = (cold: readonly ColdResult[]): Table => ({
  title: `Cold start: from opening the device to the end of the first step of ${COLD_CASE}`,
  header: ["who", "new browser, ms", "new page, ms"],
  rows: cold.map(({ name, coldMs, warmMs }) => [name, number(coldMs), number(warmMs)]),
  words: 1,
});

const sizeTable = (sizes: readonly SizeResult[]): Table => ({
  title: "Size of a minimal training app",
  header: ["with", "KiB", "KiB, gzip"],
  rows: sizes.map(({ name, bytes, gzipBytes }) => [name, number(bytes / 1024), number(gzipBytes / 1024)]),
  words: 1,
});

const NO_MEASUREMENT = "a model, not a measurement";

const modelTable = (steps: readonly ModelledStep[]): Table => ({
  title: `Training steps on GPUs by their data: ${NO_MEASUREMENT}`,
  header: ["GPU", "network", "launches", "GB bound", "ms", "by arithmetic", "by bytes", "by launches"],
  rows: [
    ...steps.map(({ gpu, network, launches, bytes, ms, bounds }) => [
      ...[gpu, network, String(launches), number(bytes / 1e9), number(ms)],
      ...[bounds.arithmetic, bounds.bytes, bounds.launch].map((part) => percent(part / ms)),
    ]),
    ["geometric mean", "", "", "", number(geometricMean(steps.map(({ ms }) => ms))), "", "", ""],
  ],
  words: 2,
});

/** Kernels that take so much of a step are worth a line. */
const WORTH_A_LINE = 0.05;

const modelledKernelTable = (steps: readonly ModelledStep[]): Table => ({
  title: `Where the time of these steps would go: ${NO_MEASUREMENT}`,
  header: ["GPU", "network", "kernel", "bound by", "launches", "ms", "of the step"],
  rows: steps.flatMap(({ gpu, network, ms: whole, kernels }) =>
    kernels
      .filter(({ ms }) => ms > WORTH_A_LINE * whole)
      .map(({ kernel, bound, launches, ms }) => [
        ...[gpu, network, kernel, bound, String(launches), number(ms), percent(ms / whole)],
      ]),
  ),
  words: 4,
  long: true,
});

/** Three digits, or all of a larger whole number. */
export const number = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
export const range = ([low, high]: readonly [number, number]): string => `${number(low)}–${number(high)}`;

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

/** How the report was measured, and its tables that are not too long. */
export function asMarkdown(report: Report): string {
  const { command, date, browser, machine, failures } = report;
  const [before, after] = machine.load.map((load) => load.toFixed(1));
  return [
    `\`${command}\`, ${date.slice(0, 10)}, ${browser}; ${machine.cpu}, ${machine.cores} cores, load ` +
      `${before} before and ${after} after.`,
    ...failures.map((failure) => `Failed: ${failure}`),
    ...tablesOf(report)
      .filter(({ long }) => !long)
      .map(markdownTable),
  ].join("\n\n");
}

export function markdownTable({ title, header, rows, words }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, i) => (i < words ? "---" : "---:"));
  return [`### ${title}`, "", line(header), line(rule), ...rows.map(line)].join("\n");
}

const [BEGIN, END] = ["<!-- results -->", "<!-- end of results -->"];

/** Puts the results between the two comments of a document; gives the results alone if it has none. */
export function insertResults(document: string, results: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) return `${results}\n`;
  return `${document.slice(0, begin + BEGIN.length)}\n\n${results}\n\n${document.slice(end)}`;
}
