import type { NdArray } from "./ndarray.ts";

/** x (…, C) with zeros in more channels: (…, channels). */
export function padChannels({ shape, data }: NdArray, channels: number): NdArray {
  const C = shape.at(-1)!;
  const wide = new Float64Array((data.length / C) * channels);
  data.forEach((value, i) => {
    wide[Math.floor(i / C) * channels + (i % C)] = value;
  });
  return { shape: [...shape.slice(0, -1), channels], data: wide };
}
