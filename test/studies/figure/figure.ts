/** The figure of a study: accuracy of each kind of network, by depth or, where there is but one depth, by network. */
import { escapeHtml } from "../../../src/cli/output/html.ts";
import { type Band, type Bands, distinct, missingOf, percent, recorded, seedCount } from "../report.ts";
import { depthPlot } from "./depth-plot.ts";
import { networkPlot } from "./network-plot.ts";
import { HUES } from "./plot.ts";

const WIDTH = 760;
/** Where plots begin, below the title. */
const TOP = 84;

const DATASETS: Readonly<Record<string, string>> = { mnist: "MNIST", fashion: "Fashion-MNIST" };

export function figure(bands: Bands): string {
  const { cells, setting, browsers, commits } = bands;
  const { images, testImages, epochs, batchSize, batchNorm, dataset } = setting;
  const { title, lines, bottom } = (distinct(cells, "depth").length > 1 ? depthPlot : networkPlot)(
    bands,
    TOP,
  );
  const norm = batchNorm ? "batch norm" : "no batch norm";
  const heading = `${title}, from ${images?.toLocaleString("en")} images`;
  const subtitle = `Test accuracy on ${DATASETS[dataset!]}, ${norm}: mean of ${seedCount(bands)} seeds, and the lowest to the highest`;
  const notes = [
    `${epochs} ${epochs === 1 ? "epoch" : "epochs"} in batches of ${batchSize}, ${testImages?.toLocaleString("en")} test images; equal parameters in all networks; ${recorded(bands)}`,
    `${browsers.join(", ") || "no run yet"}; commit ${commits.join(", ") || "none"}`,
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 98}" role="img">
<title>${escapeHtml(heading)}</title>
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
${HUES.map((hue) => `.${hue} { fill: var(--${hue}) } .line.${hue} { fill: none; stroke: var(--${hue}) }`).join("\n")}
.line { stroke-width: 2 }
.band { opacity: 0.2 }
</style>
<rect width="${WIDTH}" height="${bottom + 98}" rx="8" style="fill: var(--paper)"/>
<text class="head" x="24" y="34">${escapeHtml(heading)}</text>
<text x="24" y="56">${escapeHtml(subtitle)}</text>
${lines.join("\n")}
${notes.map((note, i) => `<text x="24" y="${bottom + 68 + 20 * i}">${escapeHtml(note)}</text>`).join("\n")}
</svg>
`;
}

const inWords = ({ depth, name, mean }: Band): string =>
  `${depth} layers, ${name}: ${mean === undefined ? "not run yet" : `${percent(mean)} %`}`;
