import type { Plan } from "../plan.ts";
import { bytesIn, occupancyOf } from "./occupancy.ts";

/** How many tensors are listed at the peak. */
const LISTED = 8;

/** A plan as text: its memory, what is alive at the peak, and how often each kernel is launched. */
export function describePlan(plan: Plan): string {
  const { dispatches, memory, report } = plan;
  const { tensors, alive, peak } = occupancyOf(plan);
  const { peakBytes, lowerBoundBytes, unsharedBytes, persistentBytes } = report;
  const text = (bytes: number): string => bytesIn(bytes, bytes);
  const factor = lowerBoundBytes > 0 ? peakBytes / lowerBoundBytes : 1;
  const sections = [
    table([
      ["dispatches", `${dispatches.length}`],
      [
        "temporaries",
        `${text(peakBytes)} on ${memory.slabs.length} slabs (${memory.slabs.map(text).join(", ")})`,
      ],
      ["least possible", `${text(lowerBoundBytes)}; the plan takes ${factor.toFixed(3)} × that`],
      ["without sharing", text(unsharedBytes)],
      ["kept between steps", text(persistentBytes)],
    ]),
  ];
  const at = dispatches[peak];
  if (at) {
    const living = tensors.filter(({ first, last }) => first <= peak && peak <= last);
    const largest = living.toSorted((a, b) => b.bytes - a.bytes).slice(0, LISTED);
    const rest = living.length - largest.length;
    sections.push(
      `Peak at dispatch ${peak + 1}, ${at.kernel.name} of ${at.label}: ${text(alive[peak]!)}\n${table(
        largest.map(({ storage, bytes, first, last }) => [
          `  ${storage.name}`,
          text(bytes),
          `from ${first + 1} to ${Math.min(last + 1, dispatches.length)}`,
        ]),
      )}${rest > 0 ? `\n  and ${rest} more` : ""}`,
    );
  }
  const counts = new Map<string, number>();
  for (const { kernel } of dispatches) counts.set(kernel.name, (counts.get(kernel.name) ?? 0) + 1);
  const kernels = [...counts].sort(([, a], [, b]) => b - a);
  sections.push(`Dispatches by kernel\n${table(kernels.map(([name, count]) => [`  ${name}`, `${count}`]))}`);
  return `${sections.join("\n\n")}\n`;
}

/** Rows with columns as wide as their longest cell. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (max, row) => row.map((cell, i) => Math.max(cell.length, max[i] ?? 0)),
    [],
  );
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
