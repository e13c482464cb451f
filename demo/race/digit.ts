/** Makes of a drawing what the data set would have: a digit of MNIST is centred, scaled, and thin. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The lines of a drawing, each from where the pen came down; the pad is 0…1 wide and high. */
export type Strokes = readonly (readonly Point[])[];

export const SIZE = 28;

/** MNIST scales the ink of a digit to fit 20 × 20 pixels and puts its centre of mass in the middle of 28 × 28. */
const BOX = 20;

/** Width of a line in pixels of the image, like that of most digits. */
const PEN = 2.6;

/** A dot is not blown up to a blot. */
const SMALLEST = 0.15;

/** The drawing as grey bytes (28, 28), ink 255; undefined if there is no ink. */
export function digitOf(strokes: Strokes): Uint8Array | undefined {
  const points = strokes.flat();
  if (points.length === 0) return undefined;
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = (BOX - PEN) / Math.max(right - left, bottom - top, SMALLEST);
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  const first = drawn(strokes, scale, x, y);
  const off = centreOf(first);
  return drawn(strokes, scale, x + off.x / scale, y + off.y / scale);
}

/** Draws with the point (x, y) of the pad in the middle. */
function drawn(strokes: Strokes, scale: number, x: number, y: number): Uint8Array {
  const context = new OffscreenCanvas(SIZE, SIZE).getContext("2d", { willReadFrequently: true })!;
  context.translate(SIZE / 2, SIZE / 2);
  context.scale(scale, scale);
  context.translate(-x, -y);
  trace(context, strokes, PEN / scale);
  const { data } = context.getImageData(0, 0, SIZE, SIZE);
  return Uint8Array.from({ length: SIZE * SIZE }, (_, i) => data[4 * i + 3]!);
}

/** Draws lines of this width, in the scale of the pad. */
export function trace(
  context: OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D,
  strokes: Strokes,
  width: number,
): void {
  context.lineWidth = width;
  context.lineCap = context.lineJoin = "round";
  for (const [first, ...rest] of strokes) {
    context.beginPath();
    context.moveTo(first!.x, first!.y);
    // A line to where it begins is a dot.
    for (const { x, y } of rest.length > 0 ? rest : [first!]) context.lineTo(x, y);
    context.stroke();
  }
}

/** The centre of the ink, from the middle of the image, in pixels. */
function centreOf(pixels: Uint8Array): Point {
  let [ink, x, y] = [0, 0, 0];
  pixels.forEach((value, i) => {
    ink += value;
    x += value * ((i % SIZE) + 0.5);
    y += value * (Math.floor(i / SIZE) + 0.5);
  });
  return { x: x / ink - SIZE / 2, y: y / ink - SIZE / 2 };
}

const arc = (y: number, from: number, to: number): Point[] =>
  Array.from({ length: 13 }, (_, i) => {
    const angle = from + ((to - from) * i) / 12;
    return { x: 0.47 + 0.19 * Math.cos(angle), y: y + 0.16 * Math.sin(angle) };
  });

/** What is on the pad before anyone has drawn: a 3. */
export const example: Strokes = [[...arc(0.34, -2.6, Math.PI / 2), ...arc(0.66, -Math.PI / 2, 2.6)]];
