/** Reads parts of a file, by ranges of bytes. */
import { concatenate } from "../base/bytes.ts";
import { WeightsError } from "../base/errors.ts";

/** The bytes from `begin` to before `end`. */
export type Range = readonly [begin: number, end: number];

/** Progress of reading, and how to stop it. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
  /**
   * Called as bytes arrive: how many of the requested ones are there, and how many there will be. Begins again if the
   * file changed on the server meanwhile.
   */
  readonly onProgress?: (loaded: number, total: number) => void;
}

export interface ByteSource {
  readonly name: string;
  /** Undefined until the first read, and if a server does not tell. */
  readonly size: number | undefined;
  /**
   * Reads ranges that are in order and do not overlap. Throws WeightsError if the source ends too early or cannot be
   * read, FileChanged if other bytes may be from another version of the file, after which the next read takes the new
   * one. An abort rejects with the signal's reason. Memory is allocated only for bytes that have arrived.
   */
  read(ranges: readonly Range[], options?: ReadOptions): Promise<Uint8Array[]>;
  /** Reads everything, even if the size is not known before. Throws WeightsError also if there are more than `most` bytes. */
  whole(most: number, options?: ReadOptions): Promise<Uint8Array>;
}

/** A file is another one than when its first bytes were read. */
export class FileChanged extends WeightsError {}

/** The error's text for a source with more bytes than are read of its kind. */
export const tooLarge = (size: number, most: number): string =>
  `is too large: ${size} bytes, at most ${most} are read`;

export const totalLength = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);

/** Joins ranges that are at most `gap` bytes apart, so that they are read in one go. */
export function joined(ranges: readonly Range[], gap: number): Range[] {
  const runs: [number, number][] = [];
  for (const [begin, end] of ranges) {
    const last = runs.at(-1);
    if (last && begin - last[1] <= gap) last[1] = end;
    else runs.push([begin, end]);
  }
  return runs;
}

/** Cuts ranges, in order and without overlap, out of chunks that arrive in order. */
export class RangeCollector {
  readonly results: Uint8Array[];
  /** How many bytes of the ranges have arrived. */
  loaded = 0;
  readonly #ranges: readonly Range[];
  #current = 0;
  #parts: Uint8Array[] = [];

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges;
    this.results = ranges.map(() => new Uint8Array());
  }

  /** Takes the next chunk; `position` is the position of its first byte in the file. */
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
