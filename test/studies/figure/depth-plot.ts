/** Depth × accuracy, a band for each kind of network. */

import { type Band, type Bands, distinct, percent } from "../report.ts";
import { hueOf, type Plot, TICKS } from "./plot.ts";

const [LEFT, RIGHT, HEIGHT] = [64, 590, 288];
/** From the plot's sides to the first and the last depth. */
const INSET = 24;
/** Least distance of two labels. */
const LABEL_GAP = 36;

/** Of dots at the origin; shapes tell the kinds apart without colour. */
const MARKS: Readonly<Record<ReturnType<typeof hueOf>, string>> = {
  none: "M-5-5h10v10h-10z",
  alternate: "M0-7l7 7l-7 7l-7-7z",
  all: "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0z",
};

export function depthPlot({ cells }: Bands, top: number): Plot {
  const bottom = top + HEIGHT;
  const depths = distinct(cells, "depth");
  const [shallowest, deepest] = [Math.min(...depths), Math.max(...depths)];
  const x = (depth: number): number =>
    LEFT +
    INSET +
    (Math.log(depth / shallowest) / Math.log(deepest / shallowest)) * (RIGHT - LEFT - 2 * INSET);
  const y = (share: number): number => bottom - share * HEIGHT;
  const at = (depth: number, share: number): string => `${x(depth).toFixed(1)},${y(share).toFixed(1)}`;
  const kinds = distinct(cells, "name")
    .map((name) => cells.filter((cell) => cell.name === name && cell.mean !== undefined))
    .filter(({ length }) => length > 0);

  /** From the lowest to the highest of each depth. */
  const bandPath = (kind: readonly Band[]): string => {
    const edge = [
      ...kind.map(({ depth, highest }) => at(depth, highest!)),
      ...kind.map(({ depth, lowest }) => at(depth, lowest!)).reverse(),
    ];
    return `<path class="band ${hueOf(kind[0]!)}" d="M${edge.join("L")}z"/>`;
  };
  const meanPath = (kind: readonly Band[]): string[] => {
    const hue = hueOf(kind[0]!);
    return [
      `<path class="line ${hue}" d="M${kind.map(({ depth, mean }) => at(depth, mean!)).join("L")}"/>`,
      ...kind.map(
        ({ depth, mean }) =>
          `<path class="${hue}" transform="translate(${at(depth, mean!)})" d="${MARKS[hue]}"/>`,
      ),
    ];
  };
  /** Each kind's name and its accuracy at the greatest depth, right of its last dot and clear of the others and of the notes. */
  const labels = (): string[] => {
    const ends = kinds.map((kind) => kind.at(-1)!).sort((a, b) => b.mean! - a.mean!);
    const places = ends.map(({ mean }) => y(mean!));
    for (let i = 1; i < places.length; i++) places[i] = Math.max(places[i]!, places[i - 1]! + LABEL_GAP);
    for (let i = 1; i <= places.length; i++) {
      places[places.length - i] = Math.min(places.at(-i)!, bottom - (i - 1) * LABEL_GAP);
    }
    return ends.flatMap((end, i) => [
      `<text class="name ${hueOf(end)}" x="${RIGHT + 12}" y="${(places[i]! - 1).toFixed(1)}">${end.name}</text>`,
      `<text x="${RIGHT + 12}" y="${(places[i]! + 15).toFixed(1)}">${percent(end.mean!)} % at ${end.depth} layers</text>`,
    ]);
  };
  return {
    title: "How deep a network still learns",
    bottom,
    lines: [
      ...TICKS.flatMap((share) => [
        `<path class="grid" d="M${LEFT} ${y(share)}H${RIGHT}"/>`,
        `<text class="end" x="${LEFT - 10}" y="${y(share) + 4}">${100 * share} %</text>`,
      ]),
      ...depths.map((d) => `<text class="mid" x="${x(d).toFixed(1)}" y="${bottom + 22}">${d}</text>`),
      `<text class="mid" x="${(LEFT + RIGHT) / 2}" y="${bottom + 42}">layers</text>`,
      ...kinds.map(bandPath),
      ...kinds.flatMap(meanPath),
      ...labels(),
    ],
  };
}
