import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Plugin } from "vite";
import { reason, writeWhole } from "./files.ts";

/** Tables of measured kernels, by device; the command line's browsers do not keep theirs. */
export const TUNING_FILE = "runs/tuning.json";

/**
 * Vite plugin: answers `GET tuning?device=…` with that device's table, or null, and keeps the table that a `PUT` sends
 * there. The library checks what it reads.
 */
export function tuningFile(path: string = TUNING_FILE): Plugin {
  return {
    name: "webgraft-tuning-file",
    configureServer({ middlewares }) {
      middlewares.use("/tuning", (request, response) => {
        const device = new URL(request.url ?? "/", "http://localhost").searchParams.get("device") ?? "";
        if (request.method === "GET") {
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify(readTables(path)[device] ?? null));
          return;
        }
        const chunks: Uint8Array[] = [];
        request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        request.on("end", () => {
          try {
            const table: unknown = JSON.parse(Buffer.concat(chunks).toString());
            const tables = { ...readTables(path), [device]: table };
            mkdirSync(dirname(path), { recursive: true });
            writeWhole(dirname(path), basename(path), JSON.stringify(tables, null, 1));
          } catch (error) {
            console.warn(`what was measured is not kept: ${reason(error)}`);
            response.statusCode = 400;
          }
          response.end();
        });
      });
    },
  };
}

/** Tables by device. A file that holds none is put aside with a warning: measuring makes another. */
function readTables(path: string): Record<string, unknown> {
  if (!existsSync(path)) return {};
  try {
    const read: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return { ...read };
  } catch {
    // It is not JSON.
  }
  const aside = `${path}.unreadable`;
  renameSync(path, aside);
  console.warn(`${path} holds no tables of measured kernels: put aside as ${aside}`);
  return {};
}
