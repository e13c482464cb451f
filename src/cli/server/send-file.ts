import { createReadStream, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { reason } from "../files.ts";
import { refuse } from "./serve.ts";

/**
 * Answers with a file, or with the range of it that is requested. A range that is malformed, of several parts or of an
 * earlier version of the file is ignored; one that lies outside of the file is refused.
 */
export function sendFile({ headers }: IncomingMessage, response: ServerResponse, path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  const size = stats?.size ?? 0;
  const etag = `"${size}-${stats?.mtimeMs}"`;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  const start = Number(first ?? 0);
  const end = Math.min(last ? Number(last) : size - 1, size - 1);
  const wanted = first !== undefined && (headers["if-range"] ?? etag) === etag;
  const ranged = wanted && !(last && Number(last) < start);
  if (ranged && stats && start >= size) {
    response.setHeader("content-range", `bytes */${size}`);
    refuse(response, 416, `there are ${size} bytes`);
    return;
  }
  const stream = createReadStream(path, ranged ? { start, end } : {});
  stream.on("error", (error) => refuse(response, 404, reason(error)));
  // The status is sent only once the file is open.
  stream.on("open", () => {
    response.writeHead(ranged ? 206 : 200, {
      "content-type": "application/octet-stream",
      "content-length": ranged ? end - start + 1 : size,
      "accept-ranges": "bytes",
      etag,
      ...(ranged && { "content-range": `bytes ${start}-${end}/${size}` }),
    });
    stream.pipe(response);
  });
  response.on("close", () => stream.destroy());
}
