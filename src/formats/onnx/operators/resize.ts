/** Resize and Upsample, where they take the same pixels as `upsample` does. */
import type { UpsampleOptions } from "../../../layers/index.ts";
import { MAX_EXTENT, type Operator, type Reading } from "../reading.ts";

/** One axis of a Resize: from `input` pixels to `output`, `scale` times as many. */
interface Axis {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
}

/** Where in the input a pixel of the output lies, by `coordinate_transformation_mode`. */
const POSITIONS: Readonly<Record<string, (pixel: number, axis: Axis) => number>> = {
  half_pixel: (pixel, { scale }) => (pixel + 0.5) / scale - 0.5,
  pytorch_half_pixel: (pixel, { scale, output }) => (output > 1 ? (pixel + 0.5) / scale - 0.5 : 0),
  asymmetric: (pixel, { scale }) => pixel / scale,
  align_corners: (pixel, { input, output }) => (output > 1 ? (pixel * (input - 1)) / (output - 1) : 0),
};

/** The pixel that is nearest to a position, by `nearest_mode`. */
const NEAREST: Readonly<Record<string, (position: number) => number>> = {
  round_prefer_floor: (position) => Math.ceil(position - 0.5),
  round_prefer_ceil: (position) => Math.floor(position + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The rounding of f32, in which positions are computed. */
const ROUNDING = 1e-4;

/** Whether it is of an opset before 11, which had one way to do it. */
const isOld = ({ node }: Reading): boolean => node.op === "Upsample" || node.inputs.length === 2;

/** The sizes of the map that a Resize makes of (N, C, H, W), and how many times as large it says that is. */
function axesOf(node: Reading, shape: readonly number[]): readonly Axis[] {
  const index = isOld(node) ? 1 : 2;
  const given = node.has(index) ? node.constant(index).floats() : (node.node.attributes.scales?.floats ?? []);
  const sizes = node.has(3) ? node.constant(3).ints() : undefined;
  const axes = node.node.attributes.axes?.ints?.map((axis) => (axis < 0 ? axis + 4 : axis)) ?? [0, 1, 2, 3];
  const numbers = sizes ?? Array.from(given);
  if (numbers.length !== axes.length)
    node.fail(`has ${numbers.length} sizes or scales of ${axes.length} axes`);
  return shape.map((input, axis) => {
    const number = numbers[axes.indexOf(axis)];
    if (number === undefined) return { input, output: input, scale: 1 };
    return sizes
      ? { input, output: number, scale: number / input }
      : { input, output: Math.floor(input * number), scale: number };
  });
}

export const resize: Operator = (node, into) => {
  const { attributes } = node.node;
  const shape = into.shapeOf(node.value());
  const text = (name: string, otherwise: string): string => attributes[name]?.text ?? otherwise;
  const mode = text("mode", "nearest").replace(/^bilinear$/, "linear");
  const transformation = text("coordinate_transformation_mode", isOld(node) ? "asymmetric" : "half_pixel");
  const rounding = text("nearest_mode", isOld(node) ? "floor" : "round_prefer_floor");
  const [position, nearest] = [POSITIONS[transformation], NEAREST[rounding]];
  const name = `${mode}, ${transformation}${mode === "nearest" ? `, ${rounding}` : ""}`;
  if (shape.length !== 4 || !position || !nearest || (mode !== "nearest" && mode !== "linear")) {
    return node.fail(`is ${name}; only nearest and linear can be read`);
  }
  for (const only of ["antialias", "exclude_outside"]) node.expect(only, 0);
  if (text("keep_aspect_ratio_policy", "stretch") !== "stretch") node.fail("keeps the aspect ratio");
  const [batch, channels, ...pixels] = axesOf(node, shape);
  const isBatch = batch?.scale === 1 || (Number.isNaN(batch?.scale) && into.isBatch(batch?.output));
  if (!isBatch) node.fail("changes the number of images");
  if (channels?.output !== channels?.input) node.fail("changes the number of channels");
  const sound = pixels.every(({ output }) => Number.isInteger(output) && output >= 1 && output <= MAX_EXTENT);
  if (!sound) node.fail(`makes maps of ${pixels.map(({ output }) => output).join("×")}`);

  const isSame = pixels.every((axis) =>
    Array.from({ length: axis.output }, (_, pixel) => {
      const last = axis.input - 1;
      const theirs = Math.min(Math.max(position(pixel, axis), 0), last);
      if (mode === "nearest") {
        return (
          Math.min(Math.max(nearest(theirs), 0), last) === Math.floor((pixel * axis.input) / axis.output)
        );
      }
      const ours = ((pixel + 0.5) * axis.input) / axis.output - 0.5;
      return Math.abs(theirs - Math.min(Math.max(ours, 0), last)) < ROUNDING;
    }).every(Boolean),
  );
  if (!isSame) {
    node.fail(
      `is ${name}, which takes other pixels than torch.nn.functional.interpolate with align_corners=False; export that`,
    );
  }
  const [h, w] = pixels.map(({ output }) => output) as [number, number];
  const factors = pixels.map(({ input, output }) => output / input) as [number, number];
  const size: UpsampleOptions = factors.every(Number.isInteger) ? { scaleFactor: factors } : { size: [h, w] };
  into.add(
    { type: "upsample", ...size, mode: mode === "nearest" ? mode : "bilinear" },
    [node.value()],
    node.output,
  );
};
