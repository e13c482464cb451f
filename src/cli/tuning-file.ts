import { mkdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Plugin } from "vite";
import { writeWhole } from "./files.ts";

/** Tables of measured kernels, by device; the command line's browsers do not keep theirs. */
export const TUNING_FILE = "runs/tuning.json";

/**
 * Vite plugin: answers `GET tuning?device=…` with that device's table, or null, and keeps the table that a `PUT` sends
 * there. The library checks what it reads.
 */
export function tuningFile(path: string = TUNING_FILE): Plugin {
  const tables = (): Record<string, unknown> => {
    try {
      const read: unknown = JSON.parse(readFileSync(path, "utf8"));
      return typeof read === "object" && read !== null ? { ...read } : {};
    } catch {
      return {}; // The file is missing or unreadable: measuring makes another.
    }
  };
  return {
    name: "webgraft-tuning-file",
    configureServer({ middlewares }) {
      middlewares.use("/tuning", (request, response) => {
        const device = new URL(request.url ?? "/", "http://localhost").searchParams.get("device") ?? "";
        if (request.method === "GET") {
          response.setHeader("content-type", "application/json");
          response.end(JSON.stringify(tables()[device] ?? null));
          return;
        }
        const chunks: Uint8Array[] = [];
        request.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        request.on("end", () => {
          const table: unknown = JSON.parse(Buffer.concat(chunks).toString());
          mkdirSync(dirname(path), { recursive: true });
          writeWhole(
            dirname(path),
            basename(path),
            JSON.stringify({ ...tables(), [device]: table }, null, 1),
          );
          response.end();
        });
      });
    },
  };
}
