import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { WebgraftError } from "../../../src/base/errors.ts";
import { Random } from "../../../src/base/random.ts";
import type { Parser } from "./parsers.ts";

/** Inputs that failed once, in a folder for each parser. */
export const CORPUS = fileURLToPath(new URL("../fixtures/fuzz/", import.meta.url));

/** Most memory that reading one input may take, whatever it claims of its size; the largest seed has 200 kB. */
const MOST_BYTES = 64 * 2 ** 20;

/** Most work: seconds of this process on a processor, whatever else the machine does. */
const MOST_SECONDS = 10;

/** What is wrong with how a parser reads an input; undefined if it gives a value or one of our errors, within bounds. */
export async function problemWith(parser: Parser, input: Uint8Array): Promise<string | undefined> {
  const memory = process.memoryUsage().arrayBuffers;
  const work = process.cpuUsage();
  try {
    await parser.read(input);
  } catch (error) {
    if (!(error instanceof WebgraftError)) return `${(error as Error)?.stack ?? error}`;
    if (error.message.length > 20_000) return `an error of ${error.message.length} characters`;
  }
  const used = process.memoryUsage().arrayBuffers - memory;
  if (used > MOST_BYTES) return `took ${used} bytes`;
  const { user, system } = process.cpuUsage(work);
  if ((user + system) / 1e6 > MOST_SECONDS) return `took ${(user + system) / 1e6} seconds`;
  if ("polluted" in {} || "label" in {}) return "changed the prototype of all objects";
  return undefined;
}

export interface Failure {
  readonly input: Uint8Array;
  readonly problem: string;
}

/** Reads mutations of a parser's seeds while `goOn` says so; the seed determines them all. */
export async function fuzz(
  parser: Parser,
  seed: number,
  goOn: (inputs: number) => boolean,
): Promise<Failure[]> {
  const random = new Random(seed, parser.name);
  const failures: Failure[] = [];
  const seen = new Set<string>();
  for (let inputs = 0; goOn(inputs); inputs++) {
    const input = parser.mutate(random, parser.seeds[inputs % parser.seeds.length]!);
    const problem = await problemWith(parser, input);
    if (problem === undefined || seen.has(kindOf(problem))) continue;
    seen.add(kindOf(problem));
    failures.push({ input, problem });
  }
  return failures;
}

/** Where an error arises: one of each place is enough. */
const kindOf = (problem: string): string =>
  problem.split("\n").slice(1, 3).join() || problem.replace(/\d+/g, "");

export function corpusOf(parser: Parser): { readonly file: string; readonly input: Uint8Array }[] {
  const folder = `${CORPUS}${parser.name}/`;
  if (!existsSync(folder)) return [];
  return readdirSync(folder).map((file) => ({ file, input: new Uint8Array(readFileSync(folder + file)) }));
}

/** Keeps an input in the corpus; returns its path. */
export function keep(parser: Parser, input: Uint8Array): string {
  const folder = `${CORPUS}${parser.name}/`;
  mkdirSync(folder, { recursive: true });
  const path = `${folder}${createHash("sha256").update(input).digest("hex").slice(0, 12)}`;
  writeFileSync(path, input);
  return path;
}
