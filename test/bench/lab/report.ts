/** What is read of the listings of one GPU. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { instructionsOf, readAmd } from "./amd.ts";
import type { Compiled } from "./compile.ts";
import type { Figures } from "./figures.ts";
import { vendorOf } from "./gpus.ts";
import { codeOf, readIntel } from "./intel.ts";
import type { PanelKernel, PanelNumbers } from "./kernels.ts";
import { AMD_COLUMNS, type Column, INTEL_COLUMNS, tableOf } from "./table.ts";
import { type Counts, isWhole } from "./turn.ts";

export interface Report {
  readonly table: string;
  /** By kernel. */
  readonly figures: Readonly<Record<string, Figures>>;
  /** One line each. */
  readonly failures: readonly string[];
}

export function report(gpu: string, compiled: Compiled, kernels: readonly PanelKernel[]): Report {
  return vendorOf(gpu) === "amd"
    ? reportOf(gpu, compiled, kernels, readAmd, AMD_COLUMNS)
    : reportOf(gpu, compiled, kernels, readIntel, INTEL_COLUMNS);
}

function reportOf<R extends { readonly figures: Figures; readonly turn: Counts }>(
  gpu: string,
  { listings, failures }: Compiled,
  kernels: readonly PanelKernel[],
  read: (listing: string, numbers: PanelNumbers) => R,
  columns: readonly Column<R>[],
): Report {
  const readings = new Map<string, R>();
  const misread: string[] = [];
  for (const { name, numbers } of kernels) {
    const listing = listings.get(name);
    if (listing === undefined) continue;
    const reading = read(listing, numbers);
    readings.set(name, reading);
    if (!isWhole(reading.turn, numbers)) {
      misread.push(
        `${gpu}: ${name}: a turn of ${reading.turn.fma} FMAs is no whole panel: the loop was misread`,
      );
    }
  }
  return {
    table: tableOf(readings, columns),
    figures: Object.fromEntries([...readings].map(([name, { figures }]) => [name, figures])),
    failures: [...failures, ...misread],
  };
}

/** Writes the instructions of each kernel into a folder. */
export function save(folder: string, gpu: string, { listings }: Compiled): void {
  mkdirSync(folder, { recursive: true });
  const instructions = vendorOf(gpu) === "amd" ? instructionsOf : codeOf;
  for (const [name, listing] of listings) {
    writeFileSync(join(folder, `${name}.${gpu}.s`), `${instructions(listing)}\n`);
  }
}
