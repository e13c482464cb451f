/** `fetch`, for bodies that may be large, stall or never end. */
import { concatenate } from "./bytes.ts";
import { WebgraftError } from "./errors.ts";

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** Milliseconds without a byte after which a download fails; 0 waits for ever. Default 60,000. */
  readonly stallTimeout?: number;
}

export interface Download {
  readonly response: Response;
  /** The body. The request ends with the last chunk, or when the reader stops. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Ends a request whose body nobody reads. */
  cancel(): void;
}

const STALL_MS = 60_000;

/** Rejects as `fetch` does, and if neither the response nor the next byte comes in time. */
export async function download(
  url: string | URL,
  {
    signal,
    stallTimeout = STALL_MS,
    headers = {},
  }: DownloadOptions & { readonly headers?: HeadersInit } = {},
): Promise<Download> {
  const stop = new AbortController();
  // Counts only while something is waited for, however long the caller takes with what has arrived.
  const inTime = async <T>(promise: Promise<T>): Promise<T> => {
    if (stallTimeout === 0) return promise;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stalled = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new Error(`no byte arrived for ${stallTimeout / 1000} seconds`);
        reject(error);
        stop.abort(error);
      }, stallTimeout);
    });
    try {
      return await Promise.race([promise, stalled]);
    } finally {
      clearTimeout(timer);
    }
  };
  const response = await inTime(
    fetch(url, { headers, signal: signal ? AbortSignal.any([signal, stop.signal]) : stop.signal }),
  );
  async function* chunks(): AsyncGenerator<Uint8Array> {
    const reader = response.body?.getReader();
    try {
      while (reader) {
        const { done, value } = await inTime(reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      reader?.cancel().catch(() => {}); // The stream may have failed already.
    }
  }
  return { response, chunks: chunks(), cancel: () => stop.abort() };
}

/** Joins all chunks. Calls `onBytes` after each with the number of bytes so far, and the chunk; it may throw. */
export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (loaded: number, chunk: Uint8Array) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let loaded = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    loaded += chunk.length;
    onBytes(loaded, chunk);
  }
  return concatenate(parts);
}

/** The size that a response tells of its body; a compressed one tells another. */
export function lengthOf({ headers }: Response): number | undefined {
  const length = headers.has("content-encoding")
    ? Number.NaN
    : Number(headers.get("content-length") ?? Number.NaN);
  return Number.isSafeInteger(length) ? length : undefined;
}

/** In some environments the reason of a failed fetch is in its cause; errors of this library say it themselves. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error && !(error instanceof WebgraftError)
    ? `${message}: ${cause.message}`
    : message;
}
