/** Constants that are added to values or multiply them: merged into the layer before, or into preprocessing. */
import type { Affine } from "../../affine.ts";
import { AFFINE, type OnnxImporter } from "../importer.ts";
import type { OnnxTensor } from "../model-proto.ts";
import type { Reading } from "../reading.ts";

const AFFINES: Readonly<Record<string, (c: readonly number[], isFirst: boolean) => Affine | undefined>> = {
  Add: (c) => ({ scale: [1], shift: c }),
  Sub: (c, isFirst) => (isFirst ? { scale: [-1], shift: c } : { scale: [1], shift: c.map((v) => -v) }),
  Mul: (c) => ({ scale: c, shift: [0] }),
  Div: (c, isFirst) => (isFirst ? undefined : { scale: c.map((v) => 1 / v), shift: [0] }),
};

/** Reads an Add, Sub, Mul or Div of a value and a constant; false if neither input is a constant. */
export function readAffine(node: Reading, into: OnnxImporter): boolean {
  const index = [0, 1].find((i) => node.isConstant(i));
  if (index === undefined) return false;
  const other = node.node.inputs[1 - index] ?? "";
  const affine = (channels: number, axis: number): Affine =>
    AFFINES[node.node.op]!(perChannel(node, node.constant(index), channels, axis), index === 0) ??
    node.fail("divides a constant by a value");
  if (into.isImages(other)) {
    into.normalise(other, node.output, affine(into.channels, 3));
    return true;
  }
  const x = node.value(1 - index);
  const layer = into.sole(x, ...AFFINE);
  const [, channels, ...pixels] = into.shapeOf(x) as [number, number, ...number[]];
  const map = affine(channels, 1 + pixels.length);
  const isFree = layer?.from.length === 1 && !("activation" in layer && layer.activation);
  if (layer && isFree) {
    into.scale(layer, map);
    into.move(layer, node.output);
  } else into.rescale(x, map, channels, node.output);
  return true;
}

/** The numbers of a constant for each channel, which is the axis of this number from the end. */
function perChannel(node: Reading, tensor: OnnxTensor, channels: number, axis: number): number[] {
  const { shape } = tensor;
  const values = tensor.floats();
  const others = shape.filter((_, i) => i !== shape.length - axis);
  const isSingle = values.length === 1;
  if (!isSingle && (shape.at(-axis) !== channels || others.some((extent) => extent !== 1))) {
    const text = `(${shape.join(", ")})`;
    node.fail(
      `computes with a constant of ${text}, which is not one number for each of ${channels} channels`,
    );
  }
  return Array.from(values);
}
