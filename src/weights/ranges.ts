/** Reading parts of a file, by ranges of bytes. */
import { concatenate } from "../base/bytes.ts";

/** Bytes from `begin` up to and without `end`. */
export type Range = readonly [begin: number, end: number];

export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** Called as bytes arrive, with how many of those that were asked for are there. */
  readonly onProgress?: (loaded: number, total: number) => void;
}

export interface ByteSource {
  readonly name: string;
  /** Undefined until a first read, and where a server does not say. */
  readonly size: number | undefined;
  /**
   * Reads ranges that are in order and apart. Throws WeightsError where the source ends before they do or cannot
   * be read; an abort rejects with the signal's reason. Nothing is allocated that has not arrived.
   */
  read(ranges: readonly Range[], options?: ReadOptions): Promise<Uint8Array[]>;
  /** Reads all of it, whether or not it is known before how much that is. Throws WeightsError beyond `most` bytes too. */
  whole(most: number, options?: ReadOptions): Promise<Uint8Array>;
}

/** What is said of a source that has more bytes than are read of its kind. */
export const tooLarge = (size: number, most: number): string =>
  `is too large: ${size} bytes, at most ${most} are read`;

export const totalLength = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);

/** Ranges with less than `gap` bytes between them as one, so that they are read in one go. */
export function joined(ranges: readonly Range[], gap: number): Range[] {
  const runs: [number, number][] = [];
  for (const [begin, end] of ranges) {
    const last = runs.at(-1);
    if (last && begin - last[1] <= gap) last[1] = end;
    else runs.push([begin, end]);
  }
  return runs;
}

/** Cuts ranges, which are in order and apart, out of chunks that arrive in order. */
export class RangeCollector {
  readonly results: Uint8Array[];
  /** Bytes of the ranges that have arrived. */
  loaded = 0;
  readonly #ranges: readonly Range[];
  #current = 0;
  #parts: Uint8Array[] = [];

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
    this.results = ranges.map(() => new Uint8Array());
  }

  /** `position` is that of the chunk's first byte in the file. */
  take(chunk: Uint8Array, position: number): void {
    const chunkEnd = position + chunk.length;
    for (; this.#current < this.#ranges.length; this.#current++) {
      const [begin, end] = this.#ranges[this.#current]!;
      if (begin >= chunkEnd) return;
      const part = chunk.subarray(Math.max(begin - position, 0), Math.min(end, chunkEnd) - position);
      this.#parts.push(part);
      this.loaded += part.length;
      if (end > chunkEnd) return;
      this.results[this.#current] = concatenate(this.#parts);
      this.#parts = [];
    }
  }
}
