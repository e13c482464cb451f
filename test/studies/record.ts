/** The record of all studies: a file of lines for each plan, each line the JSON of a run. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DataError } from "../../src/base/errors.ts";
import type { Run } from "./setting.ts";

/** The folder of the record, and of what is made from it. */
export const RECORD = fileURLToPath(new URL("recorded/", import.meta.url));

/** The runs of all plans. */
export const readRecord = (): Run[] =>
  readdirSync(RECORD)
    .filter((name) => name.endsWith(".jsonl"))
    .sort()
    .flatMap((name) => parseRuns(readFileSync(`${RECORD}${name}`, "utf8"), name));

/** The runs of a file; `source` is its name for errors. */
export function parseRuns(text: string, source: string): Run[] {
  return text.split("\n").flatMap((line, i) => {
    if (line === "") return [];
    try {
      return [JSON.parse(line) as Run];
    } catch (error) {
      throw new DataError(`study: line ${i + 1} of ${source} is not JSON — remove it, and it is run again`, {
        cause: error,
      });
    }
  });
}
