import { collect, type DownloadOptions, download, lengthOf, reasonOf } from "../../base/download.ts";
import { DataError } from "../../base/errors.ts";
import { gunzip, isGzip } from "../../base/gunzip.ts";
import { type Idx, parseIdx } from "./idx.ts";

export interface IdxRequest extends DownloadOptions {
  readonly url: string;
  /** The largest size of the file, decompressed; no more is held. */
  readonly limit: number;
  /** What to do about it if the server lacks the file, for the error. */
  readonly advice: string;
  /** Called as bytes arrive. */
  readonly onProgress: (loaded: number, total: number | undefined) => void;
}

/** What gzip may add to bytes that it cannot compress, and a name. */
const OVERHEAD = 2 ** 16;

/**
 * Fetches a gzip-compressed IDX file; one that `fetch` has decompressed, as a server can have it do, is taken as it is.
 * Throws DataError, naming the file, if it is missing, too large or malformed; an abort rejects as `fetch` does.
 */
export async function fetchIdx({ url, limit, advice, onProgress, ...options }: IdxRequest): Promise<Idx> {
  try {
    const { response, chunks, cancel } = await download(url, options);
    const { ok, status, statusText, headers } = response;
    const isPage = /^text\/html\b/i.test(headers.get("content-type") ?? "");
    if (!ok || isPage) {
      cancel();
      const got = ok ? "it answered with a web page" : `HTTP ${status} ${statusText}`;
      throw new DataError(`loadDataset: the server has no ${url} — ${got}; ${advice}`);
    }
    let total: number | undefined;
    const bytes = await collect(chunks, (loaded, chunk) => {
      if (loaded > limit + OVERHEAD) throw new Error(`it has more than ${limit} bytes`);
      // The length that was told is of the compressed bytes, also where these have been decompressed on the way.
      if (loaded === chunk.length) total = isGzip(chunk) ? lengthOf(response) : undefined;
      onProgress(loaded, total);
    });
    onProgress(bytes.length, bytes.length);
    return parseIdx({ name: url, bytes: isGzip(bytes) ? await gunzip(bytes, limit) : bytes });
  } catch (error) {
    if (error instanceof DataError || options.signal?.aborted) throw error;
    throw new DataError(`loadDataset: cannot read ${url} — ${reasonOf(error)}`, { cause: error });
  }
}
