import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { reason } from "../files.ts";

/**
 * Answers the requests for some paths and returns true; returns false for other paths. `path` is decoded, and without
 * the secret and the query.
 */
export type Route = (
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
) => boolean | Promise<boolean>;

export interface LocalServer {
  /** The address of the routes, with a slash at the end. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `routes`, and nothing else, to a browser on this machine. Other pages in other browsers can reach the port, so
 * each address begins with a secret, and whatever comes from another origin is refused.
 */
export async function serve(routes: readonly Route[]): Promise<LocalServer> {
  const root = `/${randomBytes(32).toString("base64url")}/`;
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    response.setHeader("cache-control", "no-store");
    response.setHeader("cross-origin-resource-policy", "same-origin");
    response.setHeader("referrer-policy", "same-origin");
    response.setHeader("x-content-type-options", "nosniff");
    if (isForeign(request, host)) return refuse(response, 403, "this server is for one page only");
    const path = decoded(request.url ?? "");
    if (path === undefined) return refuse(response, 400, "the address is malformed");
    if (path.startsWith(root)) {
      for (const route of routes) {
        if (await route(path.slice(root.length), request, response)) return;
      }
    }
    refuse(response, 404, "there is nothing here");
  };
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => refuse(response, 500, reason(error)));
  });
  // Kept open: a checkpoint a minute would meet the end of a connection that closes after seconds.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}${root}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Answers with an error, or cuts off an answer that has begun. */
export function refuse(response: ServerResponse, status: number, why: string): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(`${why}\n`);
}

/** Whether a request has one of these methods; refuses it if not. */
export function hasMethod(
  request: IncomingMessage,
  response: ServerResponse,
  ...methods: readonly string[]
): boolean {
  if (methods.includes(request.method ?? "")) return true;
  response.setHeader("allow", methods.join(", "));
  refuse(response, 405, `the method must be ${methods.join(" or ")} — got ${request.method}`);
  return false;
}

/** The body of a request; undefined, and refused, if it has more than `limit` bytes. */
export async function bodyOf(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array[] = [];
  let size = Number(request.headers["content-length"] ?? 0);
  if (size <= limit) {
    size = 0;
    for await (const chunk of request as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > limit) break;
      chunks.push(chunk);
    }
  }
  if (size <= limit) return new Uint8Array(Buffer.concat(chunks));
  response.setHeader("connection", "close"); // The rest of the body is not read.
  refuse(response, 413, `the body has more than ${limit} bytes`);
  return undefined;
}

/** Whether a request is from another page, or for a name that somebody else has made an address of this machine. */
function isForeign({ headers }: IncomingMessage, host: string): boolean {
  const { origin = `http://${host}`, "sec-fetch-site": site = "same-origin" } = headers;
  // `none`: somebody has typed in the address.
  return headers.host !== host || origin !== `http://${host}` || !["same-origin", "none"].includes(`${site}`);
}

function decoded(url: string): string | undefined {
  try {
    return decodeURIComponent(url.split("?", 1)[0]!);
  } catch {
    return undefined;
  }
}
