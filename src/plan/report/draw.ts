import type { Dispatch } from "../../graph/op.ts";
import type { Plan } from "../plan.ts";
import { bytesIn, occupancyOf } from "./occupancy.ts";

const WIDTH = 960;
const LEFT = 76;
const RIGHT = 16;
const TOP = 72;
/** Heights of the two parts, and the gap between them, px. */
const ALIVE = 110;
const GAP = 44;
const SLABS = 380;
const BOTTOM = 40;
/** Letters that fit on a line. */
const LETTERS = 120;
/** Tensors lower than this, px, are invisible and left out. */
const SMALLEST = 0.25;

/** The colour of a tensor, by how the label of the dispatch that makes it begins; `Program` gives the labels. */
const KINDS = [
  { name: "forward", begins: "", colour: "#4c84c4" },
  { name: "computed again", begins: "again(", colour: "#58a55c" },
  { name: "backward", begins: "d(", colour: "#d9822b" },
] as const;

/**
 * A plan as an SVG picture of time × bytes: above, how much is alive at each dispatch; below, where each temporary
 * lies, slab upon slab. The tooltip of a rectangle names its tensor. Text and lines have the colour of the page.
 */
export function drawPlan(plan: Plan): string {
  const { dispatches, memory, report } = plan;
  const { tensors, alive, peak } = occupancyOf(plan);
  const total = Math.max(1, report.peakBytes);
  const count = Math.max(1, dispatches.length);
  const x = (dispatch: number): number => LEFT + (dispatch / count) * (WIDTH - LEFT - RIGHT);
  const slabsTop = TOP + ALIVE + GAP;
  const height = slabsTop + SLABS + BOTTOM;
  const aliveY = (bytes: number): number => TOP + ALIVE * (1 - bytes / total);
  const slabY = (bytes: number): number => slabsTop + SLABS * (1 - bytes / total);
  const parts: string[] = [];

  const text = (at: readonly [number, number], words: string, more = ""): void => {
    parts.push(`<text x="${px(at[0])}" y="${px(at[1])}" ${more}>${escapeXml(words)}</text>`);
  };
  const line = (from: readonly [number, number], to: readonly [number, number], more: string): void => {
    parts.push(`<path d="M${px(from[0])} ${px(from[1])}L${px(to[0])} ${px(to[1])}" ${more}/>`);
  };

  const factor = report.lowerBoundBytes > 0 ? report.peakBytes / report.lowerBoundBytes : 1;
  const heading =
    `${bytesIn(total, report.peakBytes)} of temporaries on ${memory.slabs.length} slabs, ` +
    `${factor.toFixed(3)} × the most alive at once; ${bytesIn(total, report.unsharedBytes)} without sharing`;
  text([LEFT, 20], heading, 'font-size="14" font-weight="600"');
  text([LEFT, TOP - 8], "Alive", 'font-weight="600"');
  text([LEFT, slabsTop - 8], "Placement", 'font-weight="600"');
  const kinds = KINDS.filter(({ name }) => dispatches.some((dispatch) => kindOf(dispatch).name === name));
  kinds.toReversed().reduce((right, { name, colour }) => {
    const left = right - 7 * name.length - 34;
    parts.push(`<rect x="${left}" y="${slabsTop - 18}" width="12" height="12" fill="${colour}"/>`);
    text([left + 18, slabsTop - 8], name);
    return left;
  }, WIDTH - RIGHT);

  for (const [top, bytesY] of [
    [TOP, aliveY],
    [slabsTop, slabY],
  ] as const) {
    for (const bytes of ticks(total, top === TOP ? 3 : 6)) {
      line([LEFT, bytesY(bytes)], [WIDTH - RIGHT, bytesY(bytes)], 'class="grid"');
      text(
        [LEFT - 8, bytesY(bytes) + 4],
        bytesIn(total, bytes, total >= 10 * unitOf(total) ? 0 : 2),
        'text-anchor="end"',
      );
    }
  }

  const steps = [...alive].map((bytes, i) => `H${px(x(i))}V${px(aliveY(bytes))}`).join("");
  const closed = `M${px(x(0))} ${px(aliveY(0))}${steps}H${px(x(count))}V${px(aliveY(0))}Z`;
  parts.push(`<path d="${closed}" class="alive"/>`);

  let base = 0;
  const bases = memory.slabs.map((bytes) => {
    base += bytes;
    return base - bytes;
  });
  for (const { storage, bytes, first, last } of tensors) {
    const { slab, offset } = memory.placements.get(storage)!;
    const bottom = bases[slab]! + offset;
    const tall = (SLABS * bytes) / total;
    if (tall < SMALLEST) continue;
    const end = Math.min(last + 1, count);
    const title = `${storage.name}: ${bytesIn(bytes, bytes)}, dispatches ${first + 1} to ${end}`;
    const box = `x="${px(x(first))}" y="${px(slabY(bottom + bytes))}" width="${px(x(end) - x(first))}" height="${px(tall)}"`;
    const { colour } = kindOf(dispatches[first]!);
    parts.push(`<rect class="tensor" ${box} fill="${colour}"><title>${escapeXml(title)}</title></rect>`);
  }
  for (const bytes of [...bases, total])
    line([LEFT, slabY(bytes)], [WIDTH - RIGHT, slabY(bytes)], 'class="slab"');

  const at = dispatches[peak];
  if (at) {
    const middle = x(peak + 0.5);
    line([middle, TOP], [middle, slabsTop + SLABS], 'class="peak"');
    // On a line of its own, since names of kernels are long.
    const words = `Peak (dashed) at ${peak + 1}: ${bytesIn(total, alive[peak]!)}, ${at.label}, ${at.kernel.name}`;
    text([LEFT, 40], words.length > LETTERS ? `${words.slice(0, LETTERS - 1)}…` : words);
  }
  for (const dispatch of ticks(count, 8)) {
    text([x(dispatch), slabsTop + SLABS + 16], `${dispatch}`, 'text-anchor="middle"');
  }
  text([WIDTH - RIGHT, slabsTop + SLABS + 32], "dispatches", 'text-anchor="end"');

  return (
    `<svg xmlns="http://www.w3.org/2000/svg" class="webgraft-plan" viewBox="0 0 ${WIDTH} ${height}" role="img" ` +
    `aria-label="${escapeXml(heading)}" font-family="system-ui, sans-serif" font-size="12" fill="currentColor">` +
    `<style>${STYLE}</style>${parts.join("\n")}</svg>\n`
  );
}

/** Scoped by a class, since the picture may be part of a page. */
const STYLE = [
  ".grid{stroke:currentColor;opacity:.15}",
  ".slab{stroke:currentColor;opacity:.6}",
  ".peak{stroke:#c0392b;stroke-dasharray:3 3}",
  ".alive{fill:#4c84c4;opacity:.45}",
  ".tensor{stroke:#fff;stroke-width:.3;opacity:.85}",
  ".tensor:hover{opacity:1}",
]
  .map((rule) => `.webgraft-plan ${rule}`)
  .join("");

const kindOf = ({ label }: Dispatch): (typeof KINDS)[number] =>
  KINDS.findLast(({ begins }) => label.startsWith(begins))!;

/** About `about` round numbers from 0 to `end`. */
function ticks(end: number, about: number): number[] {
  const unit = end >= 1024 ? unitOf(end) : 1;
  const least = end / unit / about;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = unit * power * [1, 2, 5, 10].find((n) => n * power >= least)!;
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
}

const unitOf = (bytes: number): number => 1024 ** Math.min(3, Math.max(1, Math.floor(Math.log2(bytes) / 10)));

const px = (value: number): string => `${Math.round(value * 100) / 100}`;

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (character) => ENTITIES[character]!);
