import { existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { basename, dirname } from "node:path";
import { DataError } from "../../base/errors.ts";
import { Tuning } from "../../gpu/tuning.ts";
import { reason, TUNING_FILE, writeWhole } from "../files.ts";
import { bodyOf, hasMethod, type Route, refuse } from "./serve.ts";

/** Bytes; a table of all models in this library has some hundred thousand. */
const MAX_TABLE = 2 ** 24;

/**
 * Answers `GET tuning?device=…` with that device's table, or null, and keeps the table of that device that a `PUT`
 * sends there. The library checks what it reads.
 */
export function tuningFile(path: string = TUNING_FILE): Route {
  return async (route, request, response) => {
    if (route !== "tuning") return false;
    if (!hasMethod(request, response, "GET", "PUT")) return true;
    const device = new URL(request.url ?? "", "http://127.0.0.1").searchParams.get("device") ?? "";
    if (request.method === "GET") {
      const tables = readTables(path);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(Object.hasOwn(tables, device) ? tables[device] : null));
      return true;
    }
    const body = await bodyOf(request, response, MAX_TABLE);
    if (!body) return true;
    const table = parse(body);
    const problem = problemOf(table, device);
    if (problem !== undefined) {
      refuse(response, 400, problem);
      return true;
    }
    try {
      mkdirSync(dirname(path), { recursive: true });
      const tables = { ...readTables(path), [device]: table };
      writeWhole(dirname(path), basename(path), JSON.stringify(tables, null, 1));
      response.end();
    } catch (error) {
      console.warn(`what was measured is not kept: ${reason(error)}`);
      refuse(response, 500, reason(error));
    }
    return true;
  };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

/** What is wrong with a table for this device, if anything. */
function problemOf(table: unknown, device: string): string | undefined {
  try {
    new Tuning("").import(table);
  } catch (error) {
    if (error instanceof DataError) return error.message;
    throw error;
  }
  const { device: of } = table as { readonly device: string };
  return of === device ? undefined : `tuning table: is of ${of}, not of ${device}`;
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
