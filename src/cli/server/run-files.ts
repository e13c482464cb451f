import { createReadStream, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { basename, dirname, join } from "node:path";
import type { Plugin } from "vite";
import type { Split } from "../../data/load.ts";
import type { ImageFolder } from "../data/image-folder.ts";
import { reason } from "../files.ts";

/** The user's own files that a run needs. */
export interface RunFiles {
  readonly folder?: ImageFolder | undefined;
  /** Paths of weight files. */
  readonly weights: readonly string[];
}

/**
 * Vite plugin: serves the images of a folder as `data/folder/<train|test>/<number>`, their index as
 * `data/folder/index.json`, and weight files as `weights/<number>/<name>`, with the shards that an index names beside
 * it. Answers range requests. Serves no other files.
 */
export function runFiles({ folder, weights }: RunFiles): Plugin {
  const pathOf = (url: string): string | undefined => {
    const image = /^\/data\/folder\/(train|test)\/(\d+)$/.exec(url);
    const name = image && folder?.[image[1] as Split][Number(image[2])]?.name;
    if (folder && name) return join(folder.path, name);
    const [, number, file = ""] = /^\/weights\/(\d+)\/([^/]+)$/.exec(url) ?? [];
    const path = weights[Number(number)];
    if (!path || file === basename(path)) return path;
    return shardsOf(path).includes(file) ? join(dirname(path), file) : undefined;
  };
  return {
    name: "webgraft-run-files",
    configureServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        const { pathname } = new URL(request.url ?? "/", "http://localhost");
        if (folder && pathname === "/data/folder/index.json") {
          const { name, classes, train, test } = folder;
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify({ name, classes, train, test }));
          return;
        }
        const path = pathOf(decodeURIComponent(pathname));
        if (path === undefined) return next();
        send(request, response, path);
      });
    },
  };
}

/** The shards that an index names: a TensorFlow.js model.json, or the index of a sharded safetensors file. */
function shardsOf(path: string): unknown[] {
  try {
    const { weight_map: map = {}, weightsManifest: groups = [] } = JSON.parse(readFileSync(path, "utf8"));
    const names = [...Object.values(map), ...groups.flatMap(({ paths }: { paths: unknown[] }) => paths)];
    return names.filter((name) => basename(String(name)) === name);
  } catch {
    return []; // The reader of the index reports what is wrong with it.
  }
}

/** Answers with a file, or with the requested range of it. */
function send({ headers }: IncomingMessage, response: ServerResponse, path: string): void {
  const refuse = (status: number, error: unknown): void => {
    if (response.headersSent) response.destroy();
    else response.writeHead(status, { "content-type": "text/plain" }).end(reason(error));
  };
  const stats = statSync(path, { throwIfNoEntry: false });
  const size = stats?.size ?? 0;
  const range = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "");
  const start = range ? Number(range[1]) : 0;
  const end = Math.min(range?.[2] ? Number(range[2]) : size - 1, size - 1);
  if (range && stats && start > end) {
    refuse(416, new Error(`there are ${size} bytes`));
    return;
  }
  const stream = createReadStream(path, size > 0 ? { start, end } : {});
  stream.on("error", (error) => refuse(404, error));
  // The status is sent only once the file is open.
  stream.on("open", () => {
    response.writeHead(range ? 206 : 200, {
      "content-type": "application/octet-stream",
      "content-length": size > 0 ? end - start + 1 : 0,
      "accept-ranges": "bytes",
      etag: `"${size}-${stats?.mtimeMs}"`,
      ...(range && { "content-range": `bytes ${start}-${end}/${size}` }),
    });
    stream.pipe(response);
  });
  response.on("close", () => stream.destroy());
}
