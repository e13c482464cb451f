import { collect } from "./download.ts";

/** Compressed bytes given at once: what they inflate to, up to a thousand times as much, is held whatever the limit. */
const PIECE = 2 ** 14;

/** Whether bytes begin as a gzip file does (RFC 1952). */
export const isGzip = (bytes: Uint8Array): boolean => bytes[0] === 0x1f && bytes[1] === 0x8b;

/** Inflates a gzip file. Rejects if it is damaged or cut short, or as soon as it has more than `limit` bytes. */
export async function gunzip(
  bytes: Uint8Array<ArrayBuffer>,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  let start = 0;
  const pieces = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (start < bytes.length) controller.enqueue(bytes.subarray(start, start + PIECE));
      else controller.close();
      start += PIECE;
    },
  });
  let tooLong: Error | undefined;
  try {
    return await collect(chunksOf(pieces.pipeThrough(new DecompressionStream("gzip"))), (length) => {
      if (length <= limit) return;
      tooLong = new Error(`inflates to more than ${limit} bytes`);
      throw tooLong;
    });
  } catch (error) {
    throw tooLong ?? new Error("its gzip is damaged or cut short", { cause: error });
  }
}

async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.cancel().catch(() => {}); // The stream may have failed already.
  }
}
