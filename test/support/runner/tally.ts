import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

/** How many of the slowest tests are named. */
const SLOWEST = 10;

/**
 * Ends a run with what was left out and why, a table of counts by project, a line of the slowest tests and, as the last
 * line, `N passed, N failed` over all projects.
 */
export class Tally implements Reporter {
  /** Empty until a run has ended; an interrupted run has no tally. */
  #lines = "";

  onInit(): void {
    // Other reporters, and closing browsers, still write after the run has ended; nothing writes after this.
    process.once("exit", () => process.stdout.write(this.#lines));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const all = modules.flatMap((module) => [...module.children.allTests()]);
    const rows = [...grouped(modules, ({ project }) => project.name)].map(([name, modules]) => ({
      name,
      ...countsOf(modules),
    }));
    const sum = (key: "passed" | "failed"): number => rows.reduce((sum, row) => sum + row[key], 0);
    // An error outside any test, such as a browser that does not start, fails the run too.
    const failed = sum("failed") + unhandledErrors.length;
    const lines = [
      ...leftOut(all),
      ...table(rows),
      slowest(all),
      `${sum("passed")} passed, ${failed} failed`,
    ];
    this.#lines = `${lines.join("\n")}\n`;
  }
}

interface Counts {
  readonly files: number;
  readonly passed: number;
  readonly failed: number;
  readonly "left out": number;
}

function countsOf(modules: readonly TestModule[]): Counts {
  const states = modules.map((module) => [...module.children.allTests()].map((test) => test.result().state));
  const count = (state: string): number => states.flat().filter((each) => each === state).length;
  // A file that could not load, or whose hooks failed, counts as a failure though none of its tests failed.
  const broken = modules.filter((module, i) => module.state() === "failed" && !states[i]!.includes("failed"));
  return {
    files: modules.length,
    passed: count("passed"),
    failed: count("failed") + broken.length,
    "left out": count("skipped"),
  };
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** Right-aligned columns under their names. */
function table(rows: readonly (Counts & { readonly name: string })[]): string[] {
  const columns = ["files", "passed", "failed", "left out"] as const;
  const line = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(8)}${cells.map((cell) => String(cell).padStart(10)).join("")}`;
  return [
    line("", columns),
    ...rows.map((row) =>
      line(
        row.name,
        columns.map((column) => row[column]),
      ),
    ),
  ];
}

/** The tests that were left out with a reason, each once with the projects that did. */
function leftOut(tests: readonly TestCase[]): string[] {
  const skipped = grouped(
    tests.filter((test) => noteOf(test) !== undefined),
    (test) => `${test.module.relativeModuleId} "${test.name}": ${noteOf(test)}`,
  );
  if (skipped.size === 0) return [];
  const lines = [...skipped].map(([what, tests]) => {
    const projects = [...new Set(tests.map(({ project }) => project.name))].sort();
    return `  ${projects.join(", ")}: ${what}`;
  });
  return [`left out, ${skipped.size} tests:`, ...lines];
}

function noteOf(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === "skipped" ? result.note : undefined;
}

/** `slowest: 8.2 s chrome test/train/tune.test.ts "keeps the best" | 7.9 s …` */
function slowest(tests: readonly TestCase[]): string {
  const seconds = (test: TestCase): number => (test.diagnostic()?.duration ?? 0) / 1000;
  const named = tests
    .toSorted((a, b) => seconds(b) - seconds(a))
    .slice(0, SLOWEST)
    .map(
      (test) =>
        `${seconds(test).toFixed(1)} s ${test.project.name} ${test.module.relativeModuleId} "${test.name}"`,
    );
  return `slowest: ${named.join(" | ")}`;
}
