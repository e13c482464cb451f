import { concatenate } from "../base/bytes.ts";
import { type Download, type DownloadOptions, download, lengthOf, reasonOf } from "../base/download.ts";
import { WeightsError } from "../base/errors.ts";
import {
  type ByteSource,
  FileChanged,
  joined,
  type Range,
  RangeCollector,
  type ReadOptions,
  tooLarge,
  totalLength,
} from "./ranges.ts";

/** Reading on through a gap of this size costs less than another request. */
const GAP_BYTES = 256 * 1024;

/** A Content-Range: the first and last byte, and how many the file has. */
const RANGE = /^bytes (\d+)-(\d+)\/(\d+|\*)$/;

/** Wait before the first retry; it doubles with each further one. */
const RETRY_MS = 250;

export interface HttpOptions extends Pick<DownloadOptions, "stallTimeout"> {
  readonly name?: string;
  readonly retries: number;
}

/** What tells versions of a file apart, as far as its server says. */
interface Version {
  readonly size: number | undefined;
  readonly tag: string | undefined;
  readonly modified: string | undefined;
}

/** The bytes of a file that a response holds. */
interface Part extends Version {
  readonly begin: number;
  /** ∞ if the server does not say. */
  readonly end: number;
}

/**
 * A file on a web server, read by ranges. If a server ignores ranges and sends the file from its beginning, the bytes
 * that are not wanted are skipped. A download that breaks off or stalls resumes where it stopped, unless the file has
 * changed. What a server says of a range must be sound; one that does not say which range it sends is asked for the
 * whole file.
 */
export class HttpBytes implements ByteSource {
  readonly name: string;
  readonly #url: string;
  readonly #options: HttpOptions;
  #version: Version | undefined;
  /** Whether the server sends the whole file whatever it is asked for. */
  #ignoresRanges = false;
  /** Whether it is to be asked for ranges. */
  #asksRanges = true;

  constructor(url: string, options: HttpOptions) {
    try {
      this.#url = new URL(url, globalThis.location?.href).href;
    } catch (cause) {
      throw new WeightsError(`${url} is not a valid URL`, { cause });
    }
    // The query may hold a secret.
    this.name = options.name ?? url.replace(/[?#].*$/s, "");
    this.#options = options;
  }

  get size(): number | undefined {
    return this.#version?.size;
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
    for (let changes = 0; ; changes++) {
      const parts: Uint8Array[] = [];
      let loaded = 0;
      try {
        await this.#download([0, Number.POSITIVE_INFINITY], signal, (chunk) => {
          loaded += chunk.length;
          const size = Math.max(loaded, this.size ?? 0);
          if (size > most) throw new WeightsError(`${this.name}: ${tooLarge(size, most)}`);
          parts.push(chunk);
          onProgress?.(loaded, size);
        });
        return concatenate(parts);
      } catch (error) {
        if (!(error instanceof FileChanged) || changes >= this.#options.retries) throw error;
      }
    }
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
        if (++failures > this.#options.retries) {
          const reason = `the download failed at byte ${at}, ${failures} times in a row — ${reasonOf(error)}`;
          throw new WeightsError(`${this.name}: ${reason}`, { cause: error });
        }
        await pause(RETRY_MS * 2 ** (failures - 1), signal);
      }
    }
  }

  /** The bytes of a range that one request gives, from the first on. */
  async *#request(range: Range, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    const [begin, end] = range;
    const { response, chunks, cancel } = await this.#open(range, signal);
    try {
      const part = this.#partOf(response, range);
      const last = Math.min(end, part.end);
      let at = part.begin;
      for await (const bytes of chunks) {
        const chunk = bytes.subarray(Math.max(begin - at, 0), Math.max(last - at, 0));
        at += bytes.length;
        if (chunk.length > 0) yield chunk;
        if (at >= last) return;
      }
    } finally {
      cancel();
    }
  }

  async #open([begin, end]: Range, signal: AbortSignal | undefined): Promise<Download> {
    const { stallTimeout } = this.#options;
    const options = { ...(signal && { signal }), ...(stallTimeout !== undefined && { stallTimeout }) };
    if (!this.#asksRanges) return download(this.#url, options);
    const range = `bytes=${begin}-${end === Number.POSITIVE_INFINITY ? "" : end - 1}`;
    const opened = await download(this.#url, { ...options, headers: { range } });
    const { status, headers } = opened.response;
    // Servers of another origin may hide which range it is; and ranges of a compressed file are not those of the file.
    const isKnown = RANGE.test(headers.get("content-range") ?? "") && !headers.has("content-encoding");
    if (status !== 206 || isKnown) return opened;
    opened.cancel();
    this.#asksRanges = false;
    return download(this.#url, options);
  }

  /** Which bytes of the file a response holds. Throws WeightsError if a retry would not help. */
  #partOf(response: Response, [begin, end]: Range): Part {
    const { status, statusText, headers } = response;
    const fail = (reason: string): never => {
      throw new WeightsError(`${this.name}: ${reason}`);
    };
    if (status === 408 || status === 429 || status >= 500) throw new Error(`HTTP ${status} ${statusText}`);
    if (status === 416) {
      if (begin < (this.size ?? 0)) this.#changed(`byte ${begin} is missing`);
      return fail(`cut short: the server has no bytes ${begin}–${end}`);
    }
    if (!response.ok) return fail(`the server answered HTTP ${status} ${statusText}`);
    const length = lengthOf(response);
    const version = {
      tag: headers.get("etag")?.replace(/^W\//, ""),
      modified: headers.get("last-modified") ?? undefined,
    };
    let part: Part = { ...version, begin: 0, end: length ?? Number.POSITIVE_INFINITY, size: length };
    if (status === 206) {
      const [range, first, last, size] = RANGE.exec(headers.get("content-range") ?? "") ?? [];
      if (range === undefined) return fail("the server sends a part of the file, but does not say which");
      part = {
        ...{ ...version, begin: Number(first), end: Number(last) + 1 },
        size: size === "*" ? undefined : Number(size),
      };
      if (part.begin !== begin) return fail(`asked for byte ${begin}, got byte ${first}`);
      const bytes = part.end - begin;
      if (bytes <= 0 || part.end > (part.size ?? part.end) || bytes !== (length ?? bytes)) {
        return fail(`the server answered with an impossible range: ${range}, content-length ${length}`);
      }
    } else this.#ignoresRanges = true;
    this.#check(part);
    if (this.size !== undefined && end > this.size && end !== Number.POSITIVE_INFINITY) {
      return fail(`cut short: byte ${end} is needed, but there are ${this.size}`);
    }
    return part;
  }

  /** Throws FileChanged for another version of the file than before. */
  #check({ size, tag, modified }: Version): void {
    const before = this.#version;
    const differs = <T>(a: T | undefined, b: T | undefined): boolean =>
      a !== undefined && b !== undefined && a !== b;
    if (differs(before?.size, size)) this.#changed(`${before?.size} bytes, now ${size}`);
    if (differs(before?.tag, tag)) this.#changed(`its ETag was ${before?.tag}, now ${tag}`);
    if (differs(before?.modified, modified)) this.#changed(`it was of ${before?.modified}, now ${modified}`);
    this.#version = {
      size: before?.size ?? size,
      tag: before?.tag ?? tag,
      modified: before?.modified ?? modified,
    };
  }

  #changed(how: string): never {
    this.#version = undefined;
    throw new FileChanged(
      `${this.name}: the file changed on the server while it was read: ${how}; load it again`,
    );
  }
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
