import { concatenate } from "../base/bytes.ts";
import { WeightsError } from "../base/errors.ts";
import {
  type ByteSource,
  joined,
  type Range,
  RangeCollector,
  type ReadOptions,
  tooLarge,
  totalLength,
} from "./ranges.ts";

/** Reading on costs less than asking anew for what lies this much further. */
const GAP_BYTES = 256 * 1024;

/** Wait before the first new attempt; it doubles with each further one. */
const RETRY_MS = 250;

/**
 * A file on a web server, read by ranges. A server that ignores them sends the file from its beginning and what is
 * not wanted is passed over. A download that breaks is taken up where it stopped.
 */
export class HttpBytes implements ByteSource {
  readonly name: string;
  size: number | undefined;
  readonly #url: string;
  readonly #retries: number;
  /** Identifies the file's content, so that no two of its versions are mixed. */
  #tag: string | undefined;
  #ignoresRanges = false;

  constructor(url: string, name: string | undefined, retries: number) {
    try {
      this.#url = new URL(url, globalThis.location?.href).href;
    } catch (cause) {
      throw new WeightsError(`${url}: is no address`, { cause });
    }
    // What follows the path may be a secret.
    this.name = name ?? url.replace(/[?#].*$/s, "");
    this.#retries = retries;
  }

  async read(ranges: readonly Range[], { signal, onProgress }: ReadOptions = {}): Promise<Uint8Array[]> {
    const collector = new RangeCollector(ranges);
    const total = totalLength(ranges);
    for (const run of joined(ranges, this.#ignoresRanges ? Number.POSITIVE_INFINITY : GAP_BYTES)) {
      await this.#download(run, signal, (chunk, position) => {
        collector.take(chunk, position);
        onProgress?.(collector.loaded, total);
      });
    }
    return collector.results;
  }

  async whole(most: number, { signal, onProgress }: ReadOptions = {}): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let loaded = 0;
    await this.#download([0, Number.POSITIVE_INFINITY], signal, (chunk) => {
      loaded += chunk.length;
      const size = Math.max(loaded, this.size ?? 0);
      if (size > most) throw new WeightsError(`${this.name}: ${tooLarge(size, most)}`);
      parts.push(chunk);
      onProgress?.(loaded, size);
    });
    return concatenate(parts);
  }

  /** Hands over the bytes of a range in order, up to the last one for an end of ∞, with as many requests as that takes. */
  async #download(
    [begin, end]: Range,
    signal: AbortSignal | undefined,
    take: (chunk: Uint8Array, position: number) => void,
  ): Promise<void> {
    let at = begin;
    let failures = 0;
    const isOpen = end === Number.POSITIVE_INFINITY;
    while (at < (isOpen ? (this.size ?? end) : end)) {
      const before = at;
      try {
        for await (const chunk of this.#request([at, end], signal)) {
          take(chunk, at);
          at += chunk.length;
        }
        // Where nobody says how long the file is, its end has to be believed.
        if (isOpen && at >= (this.size ?? 0)) return;
        if (at < end) throw new Error("the connection was closed");
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof WeightsError) throw error;
        if (at > before) failures = 0;
        if (++failures > this.#retries) {
          const reason = `the download failed at byte ${at}, ${failures} times in a row — ${describe(error)}`;
          throw new WeightsError(`${this.name}: ${reason}`, { cause: error });
        }
        await pause(RETRY_MS * 2 ** (failures - 1), signal);
      }
    }
  }

  /** What one request gives of a range, from its first byte on. */
  async *#request([begin, end]: Range, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const response = await fetch(this.#url, {
      headers: { range: `bytes=${begin}-${end === Number.POSITIVE_INFINITY ? "" : end - 1}` },
      ...(signal && { signal }),
    });
    const reader = response.body?.getReader();
    try {
      let at = this.#check(response, [begin, end]);
      while (reader && at < end) {
        const { done, value } = await reader.read();
        if (done) return;
        const chunk = value.subarray(Math.max(begin - at, 0), end - at);
        at += value.length;
        if (chunk.length > 0) yield chunk;
      }
    } finally {
      reader?.cancel().catch(() => {}); // It may be broken already.
    }
  }

  /** Where in the file the body of a response begins. Throws WeightsError where asking again would not help. */
  #check(response: Response, [begin, end]: Range): number {
    const { status, statusText, headers } = response;
    const fail = (reason: string): never => {
      throw new WeightsError(`${this.name}: ${reason}`);
    };
    if (status === 408 || status === 429 || status >= 500) throw new Error(`HTTP ${status} ${statusText}`);
    if (status === 416) return fail(`cut short: the server has no bytes ${begin}–${end}`);
    if (!response.ok) return fail(`the server answers with HTTP ${status} ${statusText}`);

    const tag = headers.get("etag") ?? headers.get("last-modified") ?? undefined;
    if (tag !== undefined && this.#tag !== undefined && tag !== this.#tag) {
      return fail("the file has changed on the server while it was read");
    }
    this.#tag ??= tag;

    let at = begin;
    let size: number | undefined;
    // The length of a compressed response is not that of the file.
    const length = headers.get("content-encoding") ? null : headers.get("content-length");
    if (status === 206) {
      // Other origins' servers may hide this header, and not the length; then they have to be believed.
      const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "");
      if (range && Number(range[1]) !== begin) return fail(`asked for byte ${begin}, got byte ${range[1]}`);
      if (range && range[2] !== "*") size = Number(range[2]);
      else if (end === Number.POSITIVE_INFINITY && length !== null) size = begin + Number(length);
    } else {
      at = 0;
      this.#ignoresRanges = true;
      if (length !== null) size = Number(length);
    }
    if (size !== undefined && size !== (this.size ?? size)) {
      return fail(`the file has changed on the server: ${this.size} bytes, now ${size}`);
    }
    this.size ??= size;
    if (this.size !== undefined && end > this.size && end !== Number.POSITIVE_INFINITY) {
      return fail(`cut short: byte ${end} is wanted of ${this.size}`);
    }
    return at;
  }
}

/** The reason of a failed fetch is its cause in some environments. */
function describe(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** Resolves after a while; rejects with the signal's reason. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
