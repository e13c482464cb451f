/** Resize, centre crop and normalisation in f64, written from PIL's description of its filter. */
import type { PixelImage, Preprocessing } from "../../../src/image/preprocessing.ts";
import type { NdArray } from "./ndarray.ts";

/** Rows of weights: output i is Σ_j weights[i][j] input j. */
function triangleWeights(size: number, resized: number): number[][] {
  const scale = size / resized;
  const support = Math.max(scale, 1);
  return Array.from({ length: resized }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const row = Array.from({ length: size }, (_, j) => Math.max(0, 1 - Math.abs(j + 0.5 - centre) / support));
    const sum = row.reduce((a, b) => a + b);
    return row.map((weight) => weight / sum);
  });
}

/** Planes of a (height, width) image; `planes[c][y][x]`, in 0…1. */
function planesOf({ width, height, data }: PixelImage): number[][][] {
  const channels = data.length / (width * height);
  return [0, 1, 2].map((colour) =>
    Array.from({ length: height }, (_, y) =>
      Array.from({ length: width }, (_, x) => {
        const at = (y * width + x) * channels + (channels === 1 ? 0 : colour);
        return data[at]! / 255;
      }),
    ),
  );
}

/** Python's round: halves go to the even neighbour. */
function pythonRound(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The image as a model's input (1, H, W, C). */
export function preprocess(
  image: PixelImage,
  [H, W, C]: readonly [number, number, number],
  { resize, mode, mean, std }: Preprocessing,
): NdArray {
  const { width, height } = image;
  const newWidth = width <= height ? resize : Math.trunc((resize * width) / height);
  const newHeight = width <= height ? Math.trunc((resize * height) / width) : resize;
  const across = triangleWeights(width, newWidth);
  const down = triangleWeights(height, newHeight);
  const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
  const top = pythonRound((newHeight - H) / 2);
  const left = pythonRound((newWidth - W) / 2);
  const resized = planesOf(image).map((plane) => {
    const wide = plane.map((row) => across.slice(left, left + W).map((weights) => dot(weights, row)));
    return down.slice(top, top + H).map((weights) =>
      Array.from({ length: W }, (_, x) =>
        dot(
          weights,
          wide.map((row) => row[x]!),
        ),
      ),
    );
  });
  const [r, g, b] = resized as [number[][], number[][], number[][]];
  const colours = (y: number, x: number): number[] => {
    const rgb = [r[y]![x]!, g[y]![x]!, b[y]![x]!];
    if (C === 1) return [0.299 * rgb[0]! + 0.587 * rgb[1]! + 0.114 * rgb[2]!];
    return mode === "caffe" ? rgb.reverse() : rgb;
  };
  const scale = mode === "caffe" ? 255 : 1;
  const data: number[] = [];
  for (let y = 0; y < H; y++) {
    for (let x = 0; x < W; x++) {
      colours(y, x).forEach((v, c) => {
        data.push((scale * v - mean[c]!) / std[c]!);
      });
    }
  }
  return { shape: [1, H, W, C], data: Float64Array.from(data) };
}
