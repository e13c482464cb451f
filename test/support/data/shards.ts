import { formatIdx, type Idx } from "../../../src/data/mnist/idx.ts";

/** A file of a data set, as servers have it. */
export const idxGz = (idx: Idx): Promise<Blob> => {
  const file = new Blob([new Uint8Array(formatIdx(idx))]);
  return new Response(file.stream().pipeThrough(new CompressionStream("gzip"))).blob();
};
