import type { DownloadOptions } from "../base/download.ts";
import { WeightsError } from "../base/errors.ts";
import { HttpBytes } from "./http.ts";
import { type ByteSource, tooLarge, totalLength } from "./ranges.ts";

/** Where weights come from: a URL, a File or Blob, or the bytes themselves. */
export type WeightsSource = string | URL | Blob | ArrayBuffer | Uint8Array;

/** How a file is fetched. */
export interface OpenOptions extends DownloadOptions {
  /** The file's name in errors. Default: its address or name. */
  readonly name?: string;
  /** How often in a row a broken or stalled download may be retried without a byte of progress. Default 4. */
  readonly retries?: number;
}

/** The address of a file in the same folder as another one, with what follows its path. */
export const besideAddress = (address: string | URL, name: string): string =>
  String(address).replace(/[^/?#]*(?=[?#]|$)/, () => encodeURIComponent(name));

export function openBytes(source: WeightsSource, options: Omit<OpenOptions, "signal"> = {}): ByteSource {
  const { name, retries = 4 } = options;
  if (typeof source === "string" || source instanceof URL) {
    return new HttpBytes(String(source), { ...options, retries });
  }
  if (source instanceof Blob) {
    const own = source instanceof File ? source.name : "file";
    return local(name ?? own, source.size, async (begin, end) => {
      return new Uint8Array(await source.slice(begin, end).arrayBuffer());
    });
  }
  const bytes = source instanceof Uint8Array ? source : new Uint8Array(source);
  return local(name ?? "weights", bytes.length, async (begin, end) => bytes.subarray(begin, end));
}

function local(
  name: string,
  size: number,
  slice: (begin: number, end: number) => Promise<Uint8Array>,
): ByteSource {
  return {
    name,
    size,
    async read(ranges, { signal, onProgress } = {}) {
      const total = totalLength(ranges);
      let loaded = 0;
      const parts: Uint8Array[] = [];
      for (const [begin, end] of ranges) {
        signal?.throwIfAborted();
        if (end > size)
          throw new WeightsError(`${name}: cut short: byte ${end} is needed, but there are ${size}`);
        try {
          parts.push(await slice(begin, end));
        } catch (cause) {
          throw new WeightsError(`cannot read ${name} — ${(cause as Error).message}`, { cause });
        }
        loaded += end - begin;
        onProgress?.(loaded, total);
      }
      return parts;
    },
    async whole(most, options) {
      if (size > most) throw new WeightsError(`${name}: ${tooLarge(size, most)}`);
      const [bytes] = await this.read([[0, size]], options);
      return bytes!;
    },
  };
}
