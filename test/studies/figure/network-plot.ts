/** Networks of one depth, one below the other: which of their pairs are plain, and their accuracy. */
import { shortcutsOf } from "../../../src/models/topologies/stacked.ts";
import { type Band, type Bands, percent } from "../report.ts";
import { hueOf, type Plot, TICKS } from "./plot.ts";

const [LEFT, RIGHT] = [330, 650];
const ROW = 42;
/** Of a pair's square, with the gap behind it. */
const PAIR = 11;

const x = (share: number): number => Number((LEFT + share * (RIGHT - LEFT)).toFixed(1));

export function networkPlot({ cells }: Bands, top: number): Plot {
  const bottom = top + ROW * cells.length;
  return {
    title: `Where ${cells[0]?.depth} layers may be plain`,
    bottom,
    lines: [
      ...TICKS.flatMap((share) => [
        `<path class="grid" d="M${x(share)} ${top}V${bottom}"/>`,
        `<text class="mid" x="${x(share)}" y="${bottom + 20}">${100 * share} %</text>`,
      ]),
      `<text x="24" y="${bottom + 42}">squares: pairs of convolutions; arcs: shortcuts</text>`,
      ...cells.flatMap((cell, i) => row(cell, top + ROW * (i + 0.5))),
    ],
  };
}

function row(cell: Band, y: number): string[] {
  const { name, mean, lowest, highest, seeds } = cell;
  const hue = hueOf(cell);
  const label = `<text class="name ${hue}" x="24" y="${y - 6}">${name}</text>`;
  const pairs = [
    `<path class="${hue}" d="${squares(cell, y)}"/>`,
    `<path class="line ${hue}" style="stroke-width: 1" d="${arcs(cell, y)}"/>`,
  ];
  if (mean === undefined) return [label, ...pairs, `<text x="${RIGHT + 12}" y="${y + 4}">not run yet</text>`];
  return [
    label,
    ...pairs,
    `<path class="line ${hue}" d="M${x(lowest!)} ${y}H${x(highest!)}"/>`,
    `<circle class="${hue}" cx="${x(mean)}" cy="${y}" r="5"/>`,
    `<text x="${RIGHT + 12}" y="${y + 4}">${percent(mean)} %, n = ${seeds.length}</text>`,
  ];
}

const shortcutsIn = ({ depth, shortcuts }: Band): readonly boolean[] =>
  shortcutsOf(shortcuts, (depth - 2) / 2);

const squares = (cell: Band, y: number): string =>
  shortcutsIn(cell)
    .map((_, pair) => `M${24 + PAIR * pair} ${y + 8}h7v7h-7z`)
    .join("");

const arcs = (cell: Band, y: number): string =>
  shortcutsIn(cell)
    .map((shortcut, pair) => (shortcut ? `M${22 + PAIR * pair} ${y + 8}q5.5-10 11 0` : ""))
    .join("");
