/** Operators that change the shape of values: what they mean for a network, most often nothing. */
import type { Pads } from "../../../base/window.ts";
import type { NetworkLayerKind } from "../../../models/topologies/network.ts";
import { TO_CHANNELS_FIRST, TO_CHANNELS_LAST } from "../channels-last.ts";
import type { OnnxImporter } from "../importer.ts";
import { MAX_EXTENT, type Operator, pass, type Reading } from "../reading.ts";
import { resize } from "./resize.ts";

/** The axes of a Squeeze or Unsqueeze, counted from the first of so many; undefined for all of extent 1. */
const axesOf = (node: Reading, rank: number): readonly number[] | undefined =>
  (node.has(1) ? node.constant(1).ints() : node.node.attributes.axes?.ints)?.map((axis) =>
    axis < 0 ? axis + rank : axis,
  );

const isPixels = (axes: readonly number[]): boolean => axes.every((axis) => axis === 2 || axis === 3);

const show = (shape: readonly number[]): string => `(N, ${shape.slice(1).join(", ")})`;

/** Whether a value is one number for each channel: (N, C) or (N, C, 1, 1). */
const isVector = (shape: readonly number[]): boolean => shape.slice(2).every((extent) => extent === 1);

/** A Reshape to four axes, which may only say what the value's shape is. */
function toMap(node: Reading, into: OnnxImporter, shape: readonly number[]): void {
  const x = node.value();
  const given = into.shapeOf(x);
  const [batch, ...wanted] = shape.map((extent, axis) => (extent === 0 && axis > 0 ? given[axis] : extent));
  const [, ...own] = given.length === 2 ? [...given, 1, 1] : given;
  const isSame = own.every((extent, axis) => wanted[axis] === extent || wanted[axis] === -1);
  if (!isSame || !into.isBatch(batch) || shape.filter((extent) => extent === -1).length > 1) {
    node.fail(`makes (${shape.join(", ")}) of ${show(given)}; only (N, features) can be read`);
  }
  pass(node, into);
}

/** A Reshape to (N, groups, pixels), as norms of groups take a map. */
function toGroups(node: Reading, into: OnnxImporter, shape: readonly number[]): void {
  const x = node.value();
  const given = into.shapeOf(x);
  const [batch, groups, pixels] = shape as [number, number, number];
  const size = given.slice(1).reduce((a, b) => a * b, 1);
  const isWhole = groups >= 1 && given[1]! % groups === 0 && (pixels === -1 || pixels * groups === size);
  const isSound = isWhole && into.isBatch(batch) && (batch !== -1 || pixels !== -1);
  if (!isSound || !into.isOnlyFor(node.output, "InstanceNormalization")) {
    node.fail(
      `makes (${shape.join(", ")}) of ${show(given)}; only groups of channels for an InstanceNormalization can be read`,
    );
  }
  into.declareGrouped(node.output, { value: x, groups });
}

/** A Reshape of groups to the map that they are of. */
function fromGroups(node: Reading, into: OnnxImporter, x: string): void {
  const [, ...own] = into.shapeOf(x);
  const shape = node.constant(1).ints();
  const [batch, ...wanted] = shape;
  const isSame = wanted.length === own.length && own.every((e, i) => wanted[i] === e || wanted[i] === -1);
  if (!isSame || !into.isBatch(batch) || shape.filter((extent) => extent === -1).length > 1) {
    node.fail(
      `makes (${shape.join(", ")}) of the groups of ${show([0, ...own])}; only that shape can be read`,
    );
  }
  into.alias(node.output, x);
}

/** The pixels that a Pad adds at each of four axes, first before each of them and then after. */
function padsOf(node: Reading): readonly number[] {
  const pads = node.has(1) ? node.constant(1).ints() : (node.node.attributes.pads?.ints ?? []);
  if (!node.has(3)) return pads;
  const axes = node
    .constant(3)
    .ints()
    .map((axis) => (axis < 0 ? axis + 4 : axis));
  return [0, 1].flatMap((end) =>
    [0, 1, 2, 3].map((axis) =>
      axes.includes(axis) ? (pads[axes.indexOf(axis) + end * axes.length] ?? 0) : 0,
    ),
  );
}

type Ends = readonly [images: number, channels: number, height: number, width: number];

export const SHAPE_OPERATORS: Readonly<Record<string, Operator>> = {
  Transpose(node, into) {
    const from = node.node.inputs[0] ?? "";
    const perm = node.node.attributes.perm?.ints ?? [];
    const isLast = into.channelsFirst(from) !== undefined;
    const isMap = isLast || into.shapeOf(node.value()).length === 4;
    if (!isMap || perm.join() !== (isLast ? TO_CHANNELS_FIRST : TO_CHANNELS_LAST)) {
      node.fail(
        `has perm [${perm.join(", ")}]; only [0, 2, 3, 1], from (N, C, H, W) to (N, H, W, C), and [0, 3, 1, 2], back, ` +
          "can be read",
      );
    }
    into.transpose(from, node.output);
  },
  Flatten(node, into) {
    node.expect("axis", 1);
    into.flatten(node.value(), undefined, node.output);
  },
  Reshape(node, into) {
    const shape = node.constant(1).ints();
    const [batch, features] = shape as [number, number];
    const grouped = into.grouped(node.node.inputs[0] ?? "");
    if (grouped) return fromGroups(node, into, grouped.value);
    if (shape.length === 4) return toMap(node, into, shape);
    if (shape.length === 3) return toGroups(node, into, shape);
    const isOne =
      shape.length === 1 &&
      into
        .shapeOf(node.value())
        .slice(1)
        .every((extent) => extent === 1);
    if (isOne) return into.flatten(node.value(), 1, node.output);
    const sound = shape.length === 2 && into.isBatch(batch) && (features > 0 || features === -1);
    if (!sound || batch + features === -2 || (node.int("allowzero", 0) !== 0 && batch === 0))
      node.fail(`has the shape [${shape.join(", ")}] instead of (N, features)`);
    into.flatten(node.value(), features > 0 ? features : undefined, node.output);
  },
  Squeeze(node, into) {
    const x = node.value();
    const shape = into.shapeOf(x);
    const axes = axesOf(node, shape.length);
    // One number an image, (N), stays (N, 1) here.
    const isOne = (axis: number): boolean => isPixels([axis]) || (axis === 1 && shape[1] === 1);
    if (!isVector(shape) || (axes && !axes.every(isOne))) {
      node.fail(`has axes [${axes?.join(", ") ?? ""}] of ${show(shape)}; pixels alone can be left out`);
    }
    into.flatten(x, undefined, node.output);
  },
  Unsqueeze(node, into) {
    const shape = into.shapeOf(node.value());
    const axes = axesOf(node, 4) ?? [];
    if (shape.length !== 2 || !isPixels(axes)) {
      node.fail(`has axes [${axes.join(", ")}] of ${show(shape)}; only (N, C) can be read, as (N, C, 1, 1)`);
    }
    pass(node, into);
  },
  Expand(node, into) {
    const shape = into.shapeOf(node.value());
    if (!isVector(shape) || !into.isOnlyFor(node.output, "Mul")) {
      node.fail(`repeats ${show(shape)}; only a number for each channel can be read, as a factor for a Mul`);
    }
    pass(node, into);
  },
  Pad(node, into) {
    const pads = padsOf(node);
    const mode = node.node.attributes.mode?.text ?? "constant";
    const value = (node.has(2) ? node.constant(2).floats()[0] : node.float("value", 0)) ?? 0;
    const fail = (reason: string): never => node.fail(`pads by [${pads.join(", ")}], ${mode}; ${reason}`);
    const rank = pads.length / 2;
    const isWhole = pads.every((pixels) => Number.isInteger(pixels) && Math.abs(pixels) <= MAX_EXTENT);
    if ((rank !== 2 && rank !== 4) || !isWhole || !Number.isFinite(value)) fail("which fits no (N, C, H, W)");
    // Of a vector there are no pixels.
    const [[n, before, top, left], [m, added, bottom, right]] = [pads.slice(0, rank), pads.slice(rank)].map(
      ([n = 0, c = 0, h = 0, w = 0]) => [n, c, h, w] as const,
    ) as [Ends, Ends];
    const sides: Pads = [top, bottom, left, right];
    const isZeros = mode === "constant" && value === 0;
    if (n !== 0 || m !== 0) fail("no images can be added");
    if (sides.every((pixels) => pixels === 0)) {
      if (before === 0 && added === 0) return pass(node, into);
      if (!isZeros || before < 0 || added < 0) fail("channels can only be zeros");
      into.add({ type: "pad_channels", added, ...(before && { before }) }, [node.value()], node.output);
      return;
    }
    if (before !== 0 || added !== 0) fail("channels and pixels at once cannot be read");
    if (mode !== "constant" && mode !== "reflect") fail("only constant and reflect can be read");
    const isCropping = sides.every((pixels) => pixels <= 0);
    if (!isCropping && sides.some((pixels) => pixels < 0)) fail("it adds pixels and takes others away");
    const kind: NetworkLayerKind = isCropping
      ? { type: "crop2d", cropping: sides.map((pixels) => 0 - pixels) as unknown as Pads }
      : { type: "pad2d", padding: sides, mode: mode as "constant" | "reflect", ...(value && { value }) };
    into.add(kind, [node.value()], node.output);
  },
  Slice(node, into) {
    const list = (name: string, index: number): readonly number[] | undefined =>
      node.has(index) ? node.constant(index).ints() : node.node.attributes[name]?.ints;
    const shape = into.shapeOf(node.value());
    const [starts = [], ends = []] = [list("starts", 1), list("ends", 2)];
    const axes = (list("axes", 3) ?? starts.map((_, i) => i)).map((axis) =>
      axis < 0 ? axis + shape.length : axis,
    );
    const cropping = [0, 0, 0, 0] as [number, number, number, number];
    for (const [i, axis] of axes.entries()) {
      const [start = 0, end = 0] = [starts[i], ends[i]];
      const extent = shape[axis] ?? 0;
      const isAll = start === 0 && (end >= MAX_EXTENT || end === extent);
      const isPixel = axis === 2 || axis === 3;
      if ((list("steps", 4)?.[i] ?? 1) !== 1 || (!isPixel && !isAll)) {
        const what = `takes ${start}…${end} of the axis ${axis} of ${show(shape)}`;
        node.fail(`${what}; only a part of the rows and columns, each one of it, can be read`);
      }
      if (!isPixel) continue;
      const within = (place: number): number =>
        Math.min(Math.max(place < 0 ? place + extent : place, 0), extent);
      cropping[2 * (axis - 2)] = within(start);
      cropping[2 * (axis - 2) + 1] = extent - within(end);
    }
    if (cropping.every((pixels) => pixels === 0)) return pass(node, into);
    into.add({ type: "crop2d", cropping }, [node.value()], node.output);
  },
  Resize: resize,
  Upsample: resize,
};
