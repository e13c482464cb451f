import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DataError, ShapeError } from "../../../src/base/errors.ts";
import { colourTransform, place, rgba } from "../../../src/image/preprocessing.ts";
import { preprocess } from "../../support/reference/resize.ts";

const torchvision = JSON.parse(
  readFileSync(new URL("../../support/fixtures/resize.json", import.meta.url), "utf8"),
);

describe("the reference of preprocessing", () => {
  for (const { width, height, data, resize, crop, y } of torchvision.cases) {
    it(`is torchvision's for ${width}×${height} to ${resize}, cropped to ${crop[1]}×${crop[0]}`, () => {
      const image = { width, height, data: Uint8Array.from(data as number[]) };
      const { mean, std } = torchvision;
      const given = preprocess(image, [crop[0], crop[1], 3], { resize, mode: "torch", mean, std });
      expect(given.data.length).toBe(y.length);
      given.data.forEach((value, i) => {
        expect(value, `element ${i}`).toBeCloseTo(y[i], 7);
      });
    });
  }
});

describe("place", () => {
  it("resizes the shorter side and crops from the middle", () => {
    expect(place([480, 640], [224, 224], 256)).toMatchObject({ resized: [256, 341], top: 16, left: 58 });
    expect(place([640, 480], [224, 224], 256)).toMatchObject({ resized: [341, 256], top: 58, left: 16 });
    expect(place([10, 13], [10, 10], 10)).toMatchObject({
      resized: [10, 13],
      top: 0,
      left: 2,
      rows: [0, 10],
    });
  });

  it("takes only the rows that the crop needs", () => {
    expect(place([100, 10], [10, 10], 10).rows).toEqual([44, 56]);
  });

  it("says what is wrong with an image", () => {
    const refuse = (size: [number, number], crop: [number, number] = [4, 4]) =>
      expect(() => place(size, crop, 8));
    refuse([0, 7]).toThrow(DataError);
    refuse([0, 7]).toThrow("the image is empty — 7×0 pixels");
    refuse([8, 2.5]).toThrow("must be whole numbers — got 2.5×8");
    refuse([8, -1]).toThrow("must be whole numbers");
    refuse([8, 1e9]).toThrow("larger than 16384 pixels a side — 1000000000×8");
    refuse([1, 10_000]).toThrow("too long and thin — 10000×1 pixels would become 80000×8");
    refuse([9, 9], [8, 12]).toThrow("the crop 12×8 is larger than the image — 9×9 pixels, resized to 8×8");
  });
});

describe("colourTransform", () => {
  it("is RGB in 0…1 for torch, BGR in 0…255 for caffe, luma for one channel", () => {
    const mean = [1, 2, 3];
    const torch = colourTransform({ resize: 1, mode: "torch", mean, std: [1, 2, 4] }, 3);
    expect([...torch]).toEqual([1, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 0.25, 0, -1, -1, -0.75, 0]);
    const caffe = colourTransform({ resize: 1, mode: "caffe", mean, std: [1, 1, 1] }, 3);
    expect([...caffe]).toEqual([0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, -1, -2, -3, 0]);
    const grey = colourTransform({ resize: 1, mode: "torch", mean: [0.5], std: [0.25] }, 1);
    expect([...grey].filter((v) => v !== 0)).toEqual([1.196, 2.348, 0.456, -2].map(Math.fround));
  });

  it("refuses constants that do not fit", () => {
    const refuse = (mean: number[], std: number[], channels: number) =>
      expect(() => colourTransform({ resize: 1, mode: "torch", mean, std }, channels));
    refuse([0], [1], 2).toThrow(ShapeError);
    refuse([0, 0], [1, 1], 2).toThrow("1 or 3 channels — got 2");
    refuse([0, 0, 0], [1], 3).toThrow("expects 3 finite means and positive stds — mean [0, 0, 0], std [1]");
    refuse([0], [0], 1).toThrow("positive stds");
    refuse([Number.NaN], [1], 1).toThrow("finite means");
  });
});

describe("rgba", () => {
  it("puts transparent pixels over black", () => {
    const data = Uint8Array.of(200, 100, 50, 128, 9, 8, 7, 0, 4, 5, 6, 255);
    expect([...rgba({ width: 3, height: 1, data })]).toEqual([100, 50, 25, 255, 0, 0, 0, 255, 4, 5, 6, 255]);
    expect(data[0]).toBe(200);
  });

  it("packs grey and RGB, and leaves opaque RGBA as it is", () => {
    expect([...rgba({ width: 1, height: 2, data: Uint8Array.of(7, 9) })]).toEqual([
      7, 7, 7, 255, 9, 9, 9, 255,
    ]);
    const rgb = { width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    expect([...rgba(rgb)]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
    const data = Uint8ClampedArray.of(1, 2, 3, 255);
    expect(rgba({ width: 1, height: 1, data })).toBe(data);
  });

  it("refuses bytes that are no image of this size", () => {
    const refuse = (data: Uint8Array) => expect(() => rgba({ width: 2, height: 2, data }));
    refuse(new Uint8Array(8)).toThrow(DataError);
    refuse(new Uint8Array(8)).toThrow("2×2 pixels take 4, 12 or 16 bytes — got 8 bytes");
    refuse(new Float32Array(4) as unknown as Uint8Array).toThrow("got 4 values that are not bytes");
  });
});
