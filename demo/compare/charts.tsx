import { signal, useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { restored } from "../app/canvases.ts";
import { aligned, type Curve, type Measure, partsOf } from "./curves.ts";
import { apart, cursor, curves, dashOf, inkOf, lastStep, markOf, pointAt } from "./lines.tsx";

export const chartTitles: Readonly<Record<Measure, string>> = {
  accuracy: "Accuracy on test images, %",
  loss: "Loss on training images, nats",
};

/** The charts on the page, for a picture of them. */
export const plots = new Map<Measure, uPlot>();

const HEIGHT_PX = 250;

/** Pixels between two marks on a line. */
const MARK_EVERY_PX = 90;

const schemes = matchMedia("(prefers-color-scheme: dark)");
const dark = signal(schemes.matches);
schemes.addEventListener("change", () => {
  dark.value = schemes.matches;
});

/** One measure by step, of all lines. Its cursor is that of the other chart, too. */
export function Chart({ measure }: { readonly measure: Measure }) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(null);
  useSignalEffect(() => {
    // The colours are those of the style sheet, which change with the scheme.
    void dark.value;
    // A plot does not know that its canvas has lost what it set.
    void restored.value;
    const drawn = curves[measure].value;
    // It is gone already when the visitor leaves and something changes at once.
    const { current } = host;
    if (!current) return;
    const made = draw(current, measure, drawn);
    plot.current = made;
    plots.set(measure, made);
    const resized = new ResizeObserver(() => made.setSize({ width: current.clientWidth, height: HEIGHT_PX }));
    resized.observe(current);
    return () => {
      resized.disconnect();
      plots.delete(measure);
      plot.current = null;
      made.destroy();
    };
  });
  useSignalEffect(() => {
    void curves[measure].value;
    const { current } = plot;
    current?.setCursor({ left: current.valToPos(cursor.value, "x"), top: -1 }, false);
  });
  return (
    <figure class="chart">
      <figcaption>{chartTitles[measure]}</figcaption>
      <div
        ref={host}
        role="img"
        aria-label={`${chartTitles[measure]}, by step. The values are in the table below.`}
      />
    </figure>
  );
}

function draw(host: HTMLDivElement, measure: Measure, drawn: readonly Curve[]): uPlot {
  const style = getComputedStyle(host);
  const colour = (property: string): string => style.getPropertyValue(property).trim();
  const parts = partsOf(apart.value);
  const series = drawn.flatMap(({ id, lane }): uPlot.Series[] =>
    parts.map((part) => ({
      spanGaps: true,
      points: { show: false },
      ...(part === "mean" && {
        stroke: colour(inkOf(id)),
        width: apart.value ? 1.25 : 2,
        dash: [...dashOf(lane)],
      }),
    })),
  );
  /** The place of a part of a curve among the series, of which the first are the steps. */
  const place = (curve: number, part: number): number => 1 + curve * parts.length + part;
  const axis: uPlot.Axis = {
    stroke: colour("--quiet"),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const options: uPlot.Options = {
    width: host.clientWidth,
    height: HEIGHT_PX,
    legend: { show: false },
    scales: {
      x: { time: false, range: () => [0, lastStep.value] },
      y: { range: (_, __, most) => [0, measure === "accuracy" ? 1 : (most || 1) * 1.05] },
    },
    axes: [
      { ...axis, label: "Step", labelFont: axis.font!, labelSize: 20, size: 28 },
      {
        ...axis,
        size: 44,
        ...(measure === "accuracy" && {
          values: (_, values) => values.map((value) => String(Math.round(100 * value))),
        }),
      },
    ],
    series: [{}, ...series],
    bands: apart.value
      ? []
      : drawn.map(({ id }, i) => ({
          series: [place(i, 2), place(i, 1)],
          fill: `${colour(inkOf(id))}22`,
        })),
    cursor: {
      sync: { key: "compare", scales: ["x", null] },
      drag: { x: false, y: false },
      y: false,
      points: { size: (_, i) => ((i - 1) % parts.length === 0 ? 7 : 0) },
    },
    hooks: {
      setCursor: [
        ({ cursor: { left = -1 }, posToVal }) => {
          if (left >= 0) pointAt(posToVal(left, "x"));
        },
      ],
      draw: [
        (plot) => {
          for (const [i, { id }] of drawn.entries()) {
            drawMarks(plot, place(i, 0), markOf(id), colour(inkOf(id)));
          }
        },
      ],
    },
  };
  return new uPlot(options, aligned(drawn, apart.value), host);
}

/** Marks on a line, so far apart that they do not hide it. */
function drawMarks(plot: uPlot, place: number, mark: string, colour: string): void {
  const { ctx, data } = plot;
  const scale = devicePixelRatio;
  const path = new Path2D(mark);
  const last = data[place]!.findLastIndex((value) => typeof value === "number");
  let before = Number.NEGATIVE_INFINITY;
  ctx.save();
  ctx.fillStyle = colour;
  for (const [i, value] of data[place]!.entries()) {
    if (typeof value !== "number") continue;
    const x = plot.valToPos(data[0][i]!, "x", true);
    // Lines of seeds are many, and alike: they are marked at the end.
    if (i !== last && (apart.value || x - before < MARK_EVERY_PX * scale)) continue;
    before = x;
    ctx.setTransform(scale, 0, 0, scale, x, plot.valToPos(value, "y", true));
    ctx.fill(path);
  }
  ctx.restore();
}
