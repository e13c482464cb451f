import { readFile } from "node:fs/promises";
import { dataFile } from "../../../src/cli/data/data-files.ts";
import type { DatasetName } from "../../../src/data/load.ts";

/** Lets tests without a page fetch what the server has for a page: the files beside them, and data sets. */
export function fetchFiles(): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, options) => {
    const url = String(input instanceof Request ? input.url : input);
    const [, name, file] = /^\/?data\/(\w+)\/([\w.-]+)$/.exec(url) ?? [];
    const path = name ? dataFile(name as DatasetName, file!) : url.startsWith("file:") && new URL(url);
    return path ? new Response(await readFile(path)) : fetch(input, options);
  };
}
