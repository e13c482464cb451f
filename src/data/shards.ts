/** The files of a data set, as a server has them: gzip-compressed IDX files, the images in shards. */
import type { Split } from "./load.ts";

/** Images in a shard; the last one of a split may have fewer. */
export const SHARD_IMAGES = 2_000;

/** Examples of a split at most, since names of shards have two digits. */
export const MAX_EXAMPLES = 100 * SHARD_IMAGES;

/** The file with all labels of a split: IDX of shape (n). */
export const labelsFile = (split: Split): string => `${split}-labels.idx.gz`;

/** A shard, counted from 0, of a split's images: IDX of shape (n, height, width). */
export const imagesFile = (split: Split, shard: number): string =>
  `${split}-images-${`${shard}`.padStart(2, "0")}.idx.gz`;

/** How many of a split's `total` images a shard has. */
export const imagesIn = (shard: number, total: number): number =>
  Math.min(SHARD_IMAGES, total - shard * SHARD_IMAGES);

/** How many shards hold the first so many images. */
export const shardsOf = (images: number): number => Math.ceil(images / SHARD_IMAGES);
