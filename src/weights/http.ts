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

/** Reading on through a gap of this size costs less than another request. */
const GAP_BYTES = 256 * 1024;

/** Wait before the first retry; it doubles with each further one. */
const RETRY_MS = 250;

/**
 * A file on a web server, read by ranges. If a server ignores ranges and sends the file from its beginning, the bytes
 * that are not wanted are skipped. A download that breaks off resumes where it stopped.
 */
export class HttpBytes implements ByteSource {
  readonly name: string;
  size: number | undefined;
  readonly #url: string;
  readonly #retries: number;
  /** Identifies the file's version, so that two versions are never mixed. */
  #tag: string | undefined;
  #ignoresRanges = false;

  constructor(url: string, name: string | undefined, retries: number) {
    try {
      this.#url = new URL(url, globalThis.location?.href).href;
    } catch (cause) {
      throw new WeightsError(`${url} is not a valid URL`, { cause });
    }
    // The query may hold a secret.
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

  /** Passes on the bytes of a range in order, to the end of the file if `end` is ∞, with as many requests as it takes. */
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
        // If the length is unknown, the end of the response must be the end of the file.
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

  /** The bytes of a range that one request gives, from the first on. */
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
      reader?.cancel().catch(() => {}); // The stream may have failed already.
    }
  }

  /** The position in the file where a response's body begins. Throws WeightsError if a retry would not help. */
  #check(response: Response, [begin, end]: Range): number {
    const { status, statusText, headers } = response;
    const fail = (reason: string): never => {
      throw new WeightsError(`${this.name}: ${reason}`);
    };
    if (status === 408 || status === 429 || status >= 500) throw new Error(`HTTP ${status} ${statusText}`);
    if (status === 416) return fail(`cut short: the server has no bytes ${begin}–${end}`);
    if (!response.ok) return fail(`the server answered HTTP ${status} ${statusText}`);

    const tag = headers.get("etag") ?? headers.get("last-modified") ?? undefined;
    if (tag !== undefined && this.#tag !== undefined && tag !== this.#tag) {
      return fail("the file changed on the server while it was read; load it again");
    }
    this.#tag ??= tag;

    let at = begin;
    let size: number | undefined;
    // A compressed response tells its own length, not that of the file.
    const length = headers.get("content-encoding") ? null : headers.get("content-length");
    if (status === 206) {
      // Servers of another origin may hide this header but not the length; then the start must be right.
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
      return fail(
        `the file changed on the server while it was read: ${this.size} bytes, now ${size}; load it again`,
      );
    }
    this.size ??= size;
    if (this.size !== undefined && end > this.size && end !== Number.POSITIVE_INFINITY) {
      return fail(`cut short: byte ${end} is needed, but there are ${this.size}`);
    }
    return at;
  }
}

/** In some environments the reason of a failed fetch is in its cause. */
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
