import { createDataset, type Dataset } from "webgraft";

/** One image in the form of a data set. */
export function imageOf({ name, shape, classes, normalize }: Dataset, pixels: Uint8Array): Dataset {
  return createDataset({ name, shape, classes, normalize, images: pixels, labels: Int32Array.of(0) });
}
