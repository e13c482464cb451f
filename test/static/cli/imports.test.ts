/** What the command line loads before it knows what it is asked for. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

/** The modules and packages that a file needs before its first line runs. */
function needs(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, from] of text.matchAll(/^(?:import|export)\s(?!type\b)(?:[^"';]*\sfrom\s)?"([^"]+)"/gm)) {
    const path = resolve(dirname(file), from!);
    if (existsSync(path)) needs(path, seen);
    else seen.add(from!);
  }
  return seen;
}

const train = fileURLToPath(new URL("../../../src/cli/train.ts", import.meta.url));

it("help needs neither browsers nor servers", () => {
  const packages = [...needs(train)].filter((name) => !name.startsWith("/") && !name.startsWith("node:"));
  expect(packages).toEqual(["commander"]);
  // A run in Node or Deno does not either.
  const run = needs(train.replace("train.ts", "run.ts"));
  for (const name of ["vite", "puppeteer"]) expect(run).not.toContain(name);
  expect(run).toContain("cli-progress");
});
