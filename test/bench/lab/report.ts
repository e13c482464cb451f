/** What is read of the listings of one GPU. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import type { Compiled } from "./compiled.ts";
import { type Figures, rounded } from "./figures.ts";
import { vendorOf } from "./gpus.ts";
import { isShared, panelNumbers, turnWork } from "./kernels.ts";
import { sharedReads } from "./nvidia/shared-reads.ts";
import { type AmdReading, instructionsOf, readAmd } from "./read/amd.ts";
import { codeOf, type IntelReading, readIntel } from "./read/intel.ts";
import { readSass, type SassReading } from "./read/sass.ts";
import { type Counts, isWhole, type TurnWork } from "./read/turn.ts";
import {
  AMD_COLUMNS,
  AMD_STRIP_COLUMNS,
  type Column,
  INTEL_COLUMNS,
  INTEL_STRIP_COLUMNS,
  SASS_COLUMNS,
  SHARED_COLUMNS,
  tableOf,
} from "./table.ts";

export interface Report {
  readonly table: string;
  /** By kernel. */
  readonly figures: Readonly<Record<string, Figures>>;
  /** One line each. */
  readonly failures: readonly string[];
}

interface Reading {
  readonly figures: Figures;
  readonly turn: Counts;
}

interface Reader<R extends Reading> {
  read(listing: string, work: TurnWork): R;
  readonly columns: readonly Column<R>[];
  /** Of kernels that share nothing. */
  readonly strips: readonly Column<R>[];
  /** The instructions in a listing. */
  code(listing: string): string;
}

const AMD: Reader<AmdReading> = {
  ...{ read: readAmd, columns: AMD_COLUMNS, strips: AMD_STRIP_COLUMNS, code: instructionsOf },
};
const INTEL: Reader<IntelReading> = {
  ...{ read: readIntel, columns: INTEL_COLUMNS, strips: INTEL_STRIP_COLUMNS, code: codeOf },
};
const NVIDIA: Reader<SassReading> = {
  ...{ read: readSass, columns: SASS_COLUMNS, strips: [], code: (listing) => listing },
};

/** What is read of the kernels that were compiled. */
export function report(gpu: string, compiled: Compiled, kernels: readonly Kernel[]): Report {
  const vendor = vendorOf(gpu);
  if (vendor === "nvidia") return reportOf(gpu, compiled, kernels, NVIDIA);
  return vendor === "amd" ? reportOf(gpu, compiled, kernels, AMD) : reportOf(gpu, compiled, kernels, INTEL);
}

function reportOf<R extends Reading>(
  gpu: string,
  { listings, failures }: Compiled,
  kernels: readonly Kernel[],
  { read, columns, strips }: Reader<R>,
): Report {
  const readings = new Map<Kernel, R>();
  const misread: string[] = [];
  for (const kernel of kernels) {
    const { name } = kernel;
    const listing = listings.get(name);
    if (listing === undefined) continue;
    const work = turnWork(kernel);
    const reading = read(listing, work);
    readings.set(kernel, reading);
    if (!isWhole(reading.turn, work)) {
      misread.push(
        `${gpu}: ${name}: a turn of ${reading.turn.fma} FMAs is no whole panel: the loop was misread`,
      );
    }
  }
  const figures = Object.fromEntries(
    [...readings].map(([{ name }, reading]) => [name, rounded(reading.figures)]),
  );
  const tables = [
    [columns, isShared],
    [strips, (kernel: Kernel) => !isShared(kernel)],
  ] as const;
  const shown = tables.flatMap(([titles, belongs]) => {
    const rows = [...readings].filter(([kernel]) => belongs(kernel));
    return rows.length > 0
      ? [tableOf(new Map(rows.map(([{ name }, reading]) => [name, reading])), titles)]
      : [];
  });
  return { table: shown.join("\n\n"), figures, failures: [...failures, ...misread] };
}

/** The reads of workgroup memory on NVIDIA's GPUs, for which nothing is compiled. */
export function sharedReadsReport(kernels: readonly Kernel[]): Report {
  const reads = new Map(kernels.map((kernel) => [kernel.name, sharedReads(kernel, panelNumbers(kernel))]));
  const figures = Object.fromEntries([...reads].map(([name, read]) => [name, rounded({ ...read })]));
  return { table: tableOf(reads, SHARED_COLUMNS), figures, failures: [] };
}

/** Writes the instructions of each kernel into a folder. */
export function save(folder: string, gpu: string, { listings }: Compiled): void {
  mkdirSync(folder, { recursive: true });
  const { code } = { amd: AMD, intel: INTEL, nvidia: NVIDIA }[vendorOf(gpu)];
  for (const [name, listing] of listings)
    writeFileSync(join(folder, `${name}.${gpu}.s`), `${code(listing)}\n`);
}
