import { readFileSync } from "node:fs";
import { type GpuEngine, launchEngine, type Running } from "../../src/cli/engine/engine.ts";
import { markdownTable } from "../bench/tables.ts";
import { app } from "./instead/resources.ts";
import type { Outcome } from "./pages/tests.ts";
import { type Place, write } from "./place.ts";

/** Runs the test files whose names contain one of `words`, or all. */
export async function runTests({ folder, description }: Place, words: string[]): Promise<boolean> {
  const all = JSON.parse(readFileSync(app("tests.json"), "utf8")) as string[];
  const files = all.filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  const engine = await launchEngine("node");
  const results: { readonly file: string; readonly tests: readonly Outcome[] }[] = [];
  let running: Running | undefined;
  for (const file of files) {
    running ??= await startTests(engine);
    let tests: Outcome[];
    try {
      tests = (await Promise.race([running.call("runFile", file), running.died])) as Outcome[];
    } catch (error) {
      // A driver may end the process; the next file gets another.
      tests = [{ name: file, state: "failed", milliseconds: 0, message: (error as Error).message }];
      await running.close();
      running = undefined;
    }
    results.push({ file, tests });
    // After each, so that a run that is ended leaves what it has found out.
    const found = { date: new Date().toISOString(), adapter: description, results };
    write(folder, "tests.json", JSON.stringify(found, null, 1));
    write(folder, "tests.md", asMarkdown(description, results));
    process.stdout.write(`${file}: ${summary(tests)}\n`);
    for (const { name, message } of tests.filter(isFailed))
      process.stdout.write(`  failed: ${name}: ${message}\n`);
  }
  await engine.close();
  const every = results.flatMap(({ tests }) => tests);
  process.stdout.write(`${summary(every)}\n`);
  return files.length > 0 && !every.some(isFailed);
}

const startTests = (engine: GpuEngine): Promise<Running> =>
  engine.run({ url: "", file: app("pages/tests.js") }, {});

const isFailed = ({ state }: Outcome): boolean => state === "failed";

const count = (tests: readonly Outcome[], state: Outcome["state"]): number =>
  tests.filter((test) => test.state === state).length;

function summary(tests: readonly Outcome[]): string {
  const [passed, failed, left] = (["passed", "failed", "left out"] as const).map((state) =>
    count(tests, state),
  );
  return `${passed} passed, ${failed} failed, ${left} left out`;
}

function asMarkdown(
  adapter: string,
  results: readonly { readonly file: string; readonly tests: readonly Outcome[] }[],
): string {
  const every = results.flatMap(({ tests }) => tests);
  const counts = markdownTable({
    title: `Tests: ${summary(every)}`,
    header: ["file", "passed", "failed", "left out", "s"],
    rows: results.map(({ file, tests }) => [
      file,
      ...(["passed", "failed", "left out"] as const).map((state) => `${count(tests, state)}`),
      (tests.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / 1000).toFixed(1),
    ]),
    words: 1,
  });
  const notes = every
    .filter(({ message }) => message)
    .map(({ name, state, message }) => `- ${state}: ${name}: ${message}`);
  return [adapter, counts, ...(notes.length > 0 ? [notes.join("\n")] : [])].join("\n\n");
}
