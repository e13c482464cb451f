import type { Reporter, SerializedError, TestCase, TestModule } from "vitest/node";

/** How many of the slowest tests are named. */
const SLOWEST = 10;

/** Ends a run, over all projects, with a line of its slowest tests and, as the last line, `N passed, N failed`. */
export class Tally implements Reporter {
  /** Empty until a run has ended; an interrupted run has no tally. */
  #lines = "";

  onInit(): void {
    // Other reporters, and closing browsers, still write after the run has ended; nothing writes after this.
    process.once("exit", () => process.stdout.write(this.#lines));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    // An error outside any test, such as a browser that does not start, fails the run too.
    let failed = unhandledErrors.length;
    const all: TestCase[] = [];
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      const states = tests.map((test) => test.result().state);
      const failures = states.filter((state) => state === "failed").length;
      passed += states.filter((state) => state === "passed").length;
      // A file that could not load, or whose hooks failed, counts as a failure though none of its tests failed.
      failed += failures === 0 && module.state() === "failed" ? 1 : failures;
      all.push(...tests);
    }
    this.#lines = `${slowest(all)}\n${passed} passed, ${failed} failed\n`;
  }
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
