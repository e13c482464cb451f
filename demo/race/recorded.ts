/** What the study recorded: depth × shortcuts × seeds, at the settings that a race starts with. */
import { signal } from "@preact/signals";
import type { LaneKind, RaceSettings } from "../runs/settings.ts";

type Study = typeof import("../../test/studies/recorded/race.json");
export type Cell = Study["cells"][number];

/** Loaded once the first screen is there. */
export const recorded = signal<Study | undefined>(undefined);

export async function loadRecorded(): Promise<void> {
  recorded.value ??= (await import("../../test/studies/recorded/race.json")).default;
}

/** The study's names of the lanes. */
const shortcutsOf: Partial<Record<LaneKind, string>> = {
  plain: "none",
  graft: "alternate",
  residual: "all",
};

/** Whether the depth of a race decides anything about its lanes. */
export const hasDepth = ({ lanes }: RaceSettings): boolean => lanes.some((kind) => kind in shortcutsOf);

export const cellsOf = (kind: LaneKind): readonly Cell[] =>
  recorded.value?.cells.filter(({ shortcuts }) => shortcuts === shortcutsOf[kind]) ?? [];

/** Whether the study found seeds of plain and residual networks of this depth among each other. */
export function noDifference(depth: number): boolean {
  const [plain, residual] = (["plain", "residual"] as const).map((kind) =>
    cellsOf(kind).find((cell) => cell.depth === depth),
  );
  return plain !== undefined && residual !== undefined && residual.lowest <= plain.highest;
}
