/** Tables in Markdown. */

import type { SharedReads } from "./nvidia/shared-reads.ts";
import type { AmdReading } from "./read/amd.ts";
import type { IntelReading } from "./read/intel.ts";
import type { SassReading } from "./read/sass.ts";

export type Column<Row> = readonly [title: string, value: (row: Row) => string | number];

const percent = (share: number): string => `${Math.round(100 * share)} %`;

export const AMD_COLUMNS: readonly Column<AmdReading>[] = [
  ["wave", ({ wave }) => wave],
  ["registers", ({ figures }) => figures.registers],
  ["spills", ({ figures }) => figures.spills],
  ["waves", ({ figures }) => figures.waves],
  ["LDS bytes", ({ figures }) => figures.lds!],
  ["FMAs a turn", ({ turn }) => turn.fma],
  ["vector", ({ turn }) => turn.vector],
  ["slow", ({ turn }) => turn.slow],
  ["moves", ({ turn }) => turn.moves],
  ["FMA share", ({ figures }) => percent(figures.fmaShare)],
  ["of peak, est.", ({ figures }) => percent(figures.share)],
  ["dual", ({ figures }) => percent(figures.dualShare)],
];

/** Of kernels that share nothing. */
export const AMD_STRIP_COLUMNS: readonly Column<AmdReading>[] = [
  ["wave", ({ wave }) => wave],
  ["registers", ({ figures }) => figures.registers],
  ["spills", ({ figures }) => figures.spills],
  ["waves", ({ figures }) => figures.waves],
  ["vector an output", ({ figures }) => figures.instructions!.toFixed(1)],
  ["bytes", ({ figures }) => figures.bytes!.toFixed(1)],
  ["FMA share", ({ figures }) => percent(figures.fmaShare)],
  ["of peak, est.", ({ figures }) => percent(figures.share)],
];

export const INTEL_COLUMNS: readonly Column<IntelReading>[] = [
  ["width", ({ figures }) => figures.width],
  ["spills:fills", ({ figures }) => `${figures.spills}:${figures.fills}`],
  ["FMAs a turn", ({ turn }) => turn.fma],
  ["instructions", ({ turn }) => turn.all],
  ["sends", ({ turn }) => turn.sends],
  ["FMA share", ({ figures }) => percent(figures.fmaShare)],
];

export const INTEL_STRIP_COLUMNS: readonly Column<IntelReading>[] = [
  ["width", ({ figures }) => figures.width],
  ["spills:fills", ({ figures }) => `${figures.spills}:${figures.fills}`],
  ["instructions an output", ({ figures }) => figures.instructions!.toFixed(1)],
  ["sends", ({ figures }) => figures.sends!.toFixed(1)],
  ["FMA share", ({ figures }) => percent(figures.fmaShare)],
];

export const SASS_COLUMNS: readonly Column<SassReading>[] = [
  ["registers", ({ figures }) => figures.registers],
  ["spilled bytes", ({ figures }) => figures.spills],
  ["shared bytes", ({ figures }) => figures.lds],
  ["FMAs a turn", ({ turn }) => turn.fma],
  ["instructions", ({ turn }) => turn.all],
  ["FMA share", ({ figures }) => percent(figures.fmaShare)],
];

export const SHARED_COLUMNS: readonly Column<SharedReads>[] = [
  ["wavefronts of FMA issue", ({ wavefronts }) => percent(wavefronts)],
  ["by halves of warps", ({ wavefrontsByHalves }) => percent(wavefrontsByHalves)],
];

/** A table with the rows' names first. */
export function tableOf<Row>(rows: ReadonlyMap<string, Row>, columns: readonly Column<Row>[]): string {
  const head = ["kernel", ...columns.map(([title]) => title)];
  const cells = [...rows].map(([name, row]) => [name, ...columns.map(([, value]) => String(value(row)))]);
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = widths.map((width, i) => (i === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...cells.map(line)].join("\n");
}
