import { createDataset, type Dataset, Random } from "webgraft";

/** Images of noise in which the brighter quarter is the class. */
export function quarters(length: number, seed = 1): Dataset {
  const random = new Random(seed, "quarters");
  const labels = Int32Array.from({ length }, () => random.u32() % 4);
  const images = Uint8Array.from({ length: length * 64 }, (_, i) => {
    const pixel = i % 64;
    const quarter = 2 * Number(pixel >= 32) + Number(pixel % 8 >= 4);
    return 90 * random.uniform() + (labels[Math.floor(i / 64)] === quarter ? 120 : 0);
  });
  return createDataset({ name: "quarters", shape: [8, 8, 1], classes: ["a", "b", "c", "d"], images, labels });
}
