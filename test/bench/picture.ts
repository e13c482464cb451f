/** A report as an SVG: bars for kernels, with their ceilings, and for contestants. */
import type { Report } from "./report.ts";
import { number } from "./tables.ts";

interface Bar {
  readonly label: string;
  readonly value: number;
  /** Written beside the bar. */
  readonly text: string;
  readonly own?: boolean;
}

interface Section {
  readonly title: string;
  readonly bars: readonly Bar[];
  /** The value of a full bar; longer bars are cut off. */
  readonly full: number;
  /** Where a line is drawn. */
  readonly mark?: number;
}

const ROW = 18;
const LABELS = 380;
const BARS = 420;
const TEXTS = 220;
const GAP = 34;

export function drawReport(report: Report): string {
  const sections = sectionsOf(report);
  const lines: string[] = [];
  let y = 48;
  for (const section of sections) {
    lines.push(`<text class="title" x="16" y="${y}">${xmlText(section.title)}</text>`);
    y += 10;
    for (const [i, bar] of section.bars.entries()) lines.push(...row(bar, section.full, y + i * ROW));
    const height = section.bars.length * ROW;
    if (section.mark !== undefined) {
      const x = LABELS + (section.mark / section.full) * BARS;
      lines.push(`<line x1="${x}" x2="${x}" y1="${y}" y2="${y + height}"/>`);
    }
    y += height + GAP;
  }
  const width = LABELS + BARS + TEXTS;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}">
<style>
text { font: 12px sans-serif; fill: #222 }
.title { font-weight: bold; font-size: 14px }
.label { text-anchor: end }
rect { fill: #9aa7b8 }
rect.own { fill: #2f6fb3 }
line { stroke: #b3392f; stroke-dasharray: 4 3 }
</style>
<rect width="${width}" height="${y}" style="fill: white"/>
<text x="16" y="22">${xmlText(`${report.browser}, ${report.date}`)}</text>
${lines.join("\n")}
</svg>
`;
}

function sectionsOf({ ceilings, kernels, peers }: Report): Section[] {
  const units = [...new Set((ceilings ?? []).map(({ unit }) => unit))];
  return [
    ...units.map((unit): Section => {
      const those = ceilings!.filter((ceiling) => ceiling.unit === unit);
      const bars = those.map(({ name, value }) => ({ label: name, value, text: number(value) }));
      return { title: `Ceilings, ${unit}`, bars, full: largest(bars) };
    }),
    ...(kernels
      ? [
          {
            title: "Kernels: share of the ceiling",
            full: 1.25,
            mark: 1,
            bars: kernels.map(({ name, shape, shareOfCeiling, gflops, gbps, ceiling }) => ({
              label: `${name}  ${shape}`,
              value: shareOfCeiling,
              text: `${gflops ? `${number(gflops)} GFLOPS` : `${number(gbps!)} GB/s`} of ${ceiling}`,
              own: true,
            })),
          },
        ]
      : []),
    ...(peers ?? []).map(({ network, batch, task, contestants }): Section => {
      const bars = Object.entries(contestants).flatMap(([key, { name, medianMs }]) =>
        medianMs === undefined
          ? []
          : [{ label: name, value: medianMs, text: `${number(medianMs)} ms`, own: key === "webgraft" }],
      );
      return { title: `${task} of ${network}, batch ${batch}: ms`, bars, full: largest(bars) };
    }),
  ].filter(({ bars }) => bars.length > 0);
}

function row({ label, value, text, own }: Bar, full: number, y: number): string[] {
  const width = Math.max(1, Math.min(1, value / full) * BARS);
  const baseline = y + ROW - 5;
  return [
    `<text class="label" x="${LABELS - 8}" y="${baseline}">${xmlText(label)}</text>`,
    `<rect${own ? ' class="own"' : ""} x="${LABELS}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW - 4}"/>`,
    `<text x="${LABELS + BARS + 8}" y="${baseline}">${xmlText(text)}</text>`,
  ];
}

const largest = (bars: readonly Bar[]): number => Math.max(...bars.map(({ value }) => value));

const xmlText = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
