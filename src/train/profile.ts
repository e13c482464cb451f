import type { LaunchTime } from "../run/session.ts";

/** GPU time of a layer in a training step. */
export interface LayerTime {
  /** As in `layersOf`, or what else a step does, such as `loss` and the optimizer's update. */
  readonly layer: string;
  readonly forward: number;
  /** Of its gradients, with what is recomputed for them. */
  readonly backward: number;
  readonly launches: number;
}

/** GPU time of a training step, milliseconds. */
export interface Profile {
  /** In the order in which they ran. */
  readonly launches: readonly LaunchTime[];
  /** The launches added up by layer, in the order in which they first ran. */
  readonly layers: readonly LayerTime[];
  readonly milliseconds: number;
}

/** Adds up launches by layer. */
export function profileOf(launches: readonly LaunchTime[]): Profile {
  const layers = new Map<string, LayerTime>();
  let all = 0;
  for (const { label, milliseconds } of launches) {
    const [, backward, inner] = /^(d|again)\((.*)\)$/.exec(label) ?? [];
    const layer = inner ?? label;
    const sum = layers.get(layer) ?? { layer, forward: 0, backward: 0, launches: 0 };
    layers.set(layer, {
      layer,
      forward: sum.forward + (backward ? 0 : milliseconds),
      backward: sum.backward + (backward ? milliseconds : 0),
      launches: sum.launches + 1,
    });
    all += milliseconds;
  }
  return { launches, layers: [...layers.values()], milliseconds: all };
}

/** A table of a profile by layer, the slowest first, with shares of the step. */
export function describeProfile({ layers, milliseconds: all }: Profile): string {
  const time = ({ forward, backward }: LayerTime): number => forward + backward;
  const rows = layers
    .toSorted((a, b) => time(b) - time(a))
    .map((row) => [
      row.layer,
      row.forward.toFixed(2),
      row.backward.toFixed(2),
      `${((100 * time(row)) / (all || 1)).toFixed(1)} %`,
      String(row.launches),
    ]);
  const table = [["Layer", "Forward, ms", "Backward, ms", "Share", "Launches"], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "),
  );
  return [lines[0]!, "─".repeat(lines[0]!.length), ...lines.slice(1), "", `${all.toFixed(2)} ms a step`].join(
    "\n",
  );
}
