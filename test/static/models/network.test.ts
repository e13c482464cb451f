/** Models given as data: the extents of what their layers make. */
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../src/base/errors.ts";
import {
  extentsAfter,
  type NetworkLayer,
  type NetworkLayerKind,
} from "../../../src/models/topologies/network.ts";

const inputShape = [6, 4, 3] as const;

const after = (...layers: readonly NetworkLayer[]): readonly number[] => extentsAfter({ inputShape, layers });

const layer = (kind: NetworkLayerKind, from = ["images"], to = "y"): NetworkLayer => ({ ...kind, from, to });

const pixel = layer({ type: "global_avg_pool", keepPixel: true }, ["images"], "pixel");
const mean = layer({ type: "global_avg_pool", keepPixel: false }, ["images"], "mean");
const convolution: NetworkLayerKind = {
  ...({ type: "conv2d", name: "c", outChannels: 1, groups: 1, bias: true } as const),
  ...({ kernelSize: [1, 1], stride: [1, 1], padding: 0, dilation: [1, 1] } as const),
};

describe("layers that change a map's size", () => {
  it.each<[string, NetworkLayerKind, number[]]>([
    ["pad2d", { type: "pad2d", padding: [1, 2, 0, 3], mode: "reflect" }, [1, 9, 7, 3]],
    ["crop2d", { type: "crop2d", cropping: [1, 0, 2, 1] }, [1, 5, 1, 3]],
    ["upsample by a factor", { type: "upsample", scaleFactor: [2, 3], mode: "bilinear" }, [1, 12, 12, 3]],
    ["upsample to a size", { type: "upsample", size: [9, 4] }, [1, 9, 4, 3]],
  ])("%s", (_, kind, extents) => {
    expect(after(layer(kind))).toEqual(extents);
  });
});

describe("mul", () => {
  const product = (from: string[]): NetworkLayer => layer({ type: "mul" }, from);

  it("takes a factor for each value, channel or pixel", () => {
    expect(after(product(["images", "images"]))).toEqual([1, 6, 4, 3]);
    expect(after(pixel, product(["images", "pixel"]))).toEqual([1, 6, 4, 3]);
    expect(after(mean, product(["images", "mean"]))).toEqual([1, 6, 4, 3]);
    expect(after(layer(convolution, ["images"], "mask"), product(["images", "mask"]))).toEqual([1, 6, 4, 3]);
    expect(after(pixel, product(["pixel", "images"]))).toEqual([1, 6, 4, 3]);
    expect(after(pixel, product(["pixel", "pixel"]))).toEqual([1, 1, 1, 3]);
  });

  it("refuses others", () => {
    expect(() => after(product(["images"]))).toThrow(new ShapeError("network", "mul takes two values", "y"));
    const pad = layer({ type: "pad2d", padding: 1 }, ["images"], "padded");
    expect(() => after(pad, product(["images", "padded"]))).toThrow(/mul: b must be \(1, 8, 6, 3\)/);
  });
});
