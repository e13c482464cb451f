/** The figure of a study: depth × accuracy, a band for each kind of network. */
import { escapeHtml } from "../../src/cli/output/html.ts";
import { type Band, type Bands, missingOf, NAMES, percent, recorded, seedCount } from "./report.ts";
import { DEPTHS, SHORTCUTS } from "./setting.ts";

const WIDTH = 760;
const HEIGHT = 470;
/** Of the plot. */
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 590, 84, 372];
/** Least distance of two labels. */
const LABEL_GAP = 36;

const x = (depth: number): number =>
  LEFT + 24 + (Math.log(depth / DEPTHS[0]!) / Math.log(DEPTHS.at(-1)! / DEPTHS[0]!)) * (RIGHT - LEFT - 48);
const y = (share: number): number => BOTTOM - share * (BOTTOM - TOP);
const at = (depth: number, share: number): string => `${x(depth).toFixed(1)},${y(share).toFixed(1)}`;

/** Of a dot at the origin; shapes tell the kinds apart without colour. */
const MARKS: Readonly<Record<Band["shortcuts"], string>> = {
  none: "M-5-5h10v10h-10z",
  alternate: "M0-7l7 7l-7 7l-7-7z",
  all: "M-5.5 0a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0z",
};

export function figure(bands: Bands): string {
  const { cells, setting, browsers, commits } = bands;
  const kinds = SHORTCUTS.map((kind) => cells.filter((c) => c.shortcuts === kind && c.mean !== undefined));
  const lines = [
    ...[0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
      `<path class="grid" d="M${LEFT} ${y(share)}H${RIGHT}"/>`,
      `<text class="end" x="${LEFT - 10}" y="${y(share) + 4}">${100 * share} %</text>`,
    ]),
    ...DEPTHS.map((d) => `<text class="mid" x="${x(d).toFixed(1)}" y="${BOTTOM + 22}">${d}</text>`),
    `<text class="mid" x="${(LEFT + RIGHT) / 2}" y="${BOTTOM + 42}">layers</text>`,
    ...kinds.map(bandPath),
    ...kinds.flatMap(meanPath),
    ...labels(kinds),
  ];
  const title = `How deep a network still learns, from ${setting.images?.toLocaleString("en")} images`;
  const subtitle = `Test accuracy on MNIST: mean of ${seedCount(bands)} seeds, and the lowest to the highest`;
  const notes = [
    `${setting.epochs} epochs in batches of ${setting.batchSize}, batch norm, ${setting.testImages?.toLocaleString("en")} test images; ` +
      "equal parameters in all three",
    `${browsers.join(", ") || "no run yet"}; commit ${commits.join(", ") || "none"}; ${recorded(bands)}`,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">
<title>${escapeHtml(title)}</title>
<desc>${escapeHtml(`${subtitle}. ${cells.map(inWords).join("; ")}. ${recorded(bands)}${missingOf(bands)}.`)}</desc>
<style>
svg { --paper: #fbfaf7; --ink: #1a1c22; --muted: #5d626d; --line: #e4e1d9; --none: #0b7a75; --alternate: #6d3fc4; --all: #b04f0a }
@media (prefers-color-scheme: dark) {
svg { --paper: #16181d; --ink: #eceae4; --muted: #a3a8b3; --line: #33363e; --none: #45c4ba; --alternate: #b39bf5; --all: #f0914e }
}
text { font: 13px system-ui, sans-serif; fill: var(--muted) }
.head { font-weight: 600; font-size: 18px; fill: var(--ink) }
.name { font-weight: 600; font-size: 14px }
.mid { text-anchor: middle }
.end { text-anchor: end }
.grid { stroke: var(--line) }
.mean { fill: none; stroke-width: 2 }
.band { opacity: 0.2 }
${SHORTCUTS.map((k) => `.${k} { fill: var(--${k}) } .mean.${k} { fill: none; stroke: var(--${k}) }`).join("\n")}
</style>
<rect width="${WIDTH}" height="${HEIGHT}" rx="8" style="fill: var(--paper)"/>
<text class="head" x="24" y="34">${escapeHtml(title)}</text>
<text x="24" y="56">${escapeHtml(subtitle)}</text>
${lines.join("\n")}
${notes.map((note, i) => `<text x="24" y="${BOTTOM + 68 + 20 * i}">${escapeHtml(note)}</text>`).join("\n")}
</svg>
`;
}

const inWords = ({ depth, shortcuts, mean }: Band): string =>
  `${depth} layers, ${NAMES[shortcuts]}: ${mean === undefined ? "not run yet" : `${percent(mean)} %`}`;

/** From the lowest to the highest of each depth. */
function bandPath(band: readonly Band[]): string {
  if (band.length === 0) return "";
  const edge = [
    ...band.map(({ depth, highest }) => at(depth, highest!)),
    ...band.map(({ depth, lowest }) => at(depth, lowest!)).reverse(),
  ];
  return `<path class="band ${band[0]!.shortcuts}" d="M${edge.join("L")}z"/>`;
}

function meanPath(band: readonly Band[]): string[] {
  if (band.length === 0) return [];
  const { shortcuts } = band[0]!;
  return [
    `<path class="mean ${shortcuts}" d="M${band.map(({ depth, mean }) => at(depth, mean!)).join("L")}"/>`,
    ...band.map(
      ({ depth, mean }) =>
        `<path class="${shortcuts}" transform="translate(${at(depth, mean!)})" d="${MARKS[shortcuts]}"/>`,
    ),
  ];
}

/** Each kind's name and its accuracy at the greatest depth, right of its last dot and clear of the others. */
function labels(kinds: readonly (readonly Band[])[]): string[] {
  const ends = kinds.flatMap((band) => band.at(-1) ?? []).sort((a, b) => b.mean! - a.mean!);
  let lowest = TOP - LABEL_GAP;
  return ends.flatMap(({ depth, shortcuts, mean }) => {
    lowest = Math.max(y(mean!), lowest + LABEL_GAP);
    return [
      `<text class="name ${shortcuts}" x="${RIGHT + 12}" y="${(lowest - 1).toFixed(1)}">${NAMES[shortcuts]}</text>`,
      `<text x="${RIGHT + 12}" y="${(lowest + 15).toFixed(1)}">${percent(mean!)} % at ${depth} layers</text>`,
    ];
  });
}
