import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Prints `N passed, N failed` as the last line of a run, over all projects. */
export class Tally implements Reporter {
  /** Empty until a run has ended: an interrupted one has no tally. */
  #line = "";

  onInit(): void {
    // Other reporters, and closing browsers, still write after the run has ended; nothing writes after this.
    process.once("exit", () => process.stdout.write(this.#line));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0;
    // An error outside any test, such as a browser that does not start, fails the run too.
    let failed = unhandledErrors.length;
    for (const module of modules) {
      const states = [...module.children.allTests()].map((test) => test.result().state);
      const failures = states.filter((state) => state === "failed").length;
      passed += states.filter((state) => state === "passed").length;
      // A file that could not load, or whose hooks failed, has failed with no failed test to show for it.
      failed += failures === 0 && module.state() === "failed" ? 1 : failures;
    }
    this.#line = `${passed} passed, ${failed} failed\n`;
  }
}
