import { chartTitles, plots } from "./charts.tsx";
import { measures } from "./curves.ts";
import { dashOf, inkOf, legend, markOf } from "./lines.tsx";

const MARGIN = 16;
const LINE = 22;

/** Behind a piece of the line. */
const TEXT_AT = 56;

/** Both charts and what their lines mean, as PNG at the resolution of the screen. */
export async function pictureOf(): Promise<Blob> {
  const style = getComputedStyle(document.body);
  const colour = (property: string): string => style.getPropertyValue(property).trim();
  const scale = devicePixelRatio;
  const drawn = measures.flatMap((measure) => {
    const canvas = plots.get(measure)?.ctx.canvas;
    return canvas ? [{ canvas, title: chartTitles[measure] }] : [];
  });
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
  const measuring = new OffscreenCanvas(1, 1).getContext("2d")!;
  measuring.font = `13px ${style.fontFamily}`;
  const width =
    Math.max(
      ...drawn.map(({ canvas }) => canvas.width / scale),
      ...legend.value.map(({ text }) => TEXT_AT + measuring.measureText(text).width),
    ) +
    2 * MARGIN;
  const height =
    sum(drawn.map(({ canvas }) => canvas.height / scale + LINE)) + LINE * legend.value.length + 3 * MARGIN;
  const picture = new OffscreenCanvas(width * scale, height * scale);
  const context = picture.getContext("2d")!;
  context.scale(scale, scale);
  context.fillStyle = colour("--paper");
  context.fillRect(0, 0, width, height);
  context.textBaseline = "middle";
  let y = MARGIN;
  for (const { canvas, title } of drawn) {
    context.font = `600 13px ${style.fontFamily}`;
    context.fillStyle = colour("--ink");
    context.fillText(title, MARGIN, y + LINE / 2);
    context.drawImage(canvas, MARGIN, y + LINE, canvas.width / scale, canvas.height / scale);
    y += canvas.height / scale + LINE;
  }
  context.font = `13px ${style.fontFamily}`;
  y += MARGIN;
  for (const { id, lane, text } of legend.value) {
    const middle = y + LINE / 2;
    context.strokeStyle = context.fillStyle = colour(inkOf(id));
    context.lineWidth = 2;
    context.setLineDash([...dashOf(lane)]);
    context.stroke(new Path2D(`M${MARGIN} ${middle}h44`));
    context.save();
    context.translate(MARGIN + 22, middle);
    context.fill(new Path2D(markOf(id)));
    context.restore();
    context.fillStyle = colour("--ink");
    context.fillText(text, MARGIN + TEXT_AT, middle);
    y += LINE;
  }
  return picture.convertToBlob({ type: "image/png" });
}
