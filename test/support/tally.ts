import type { Reporter, SerializedError, TestModule } from "vitest/node";

/** Prints `N passed, N failed` as the last line of a run, over all projects. */
export class Tally implements Reporter {
  #passed = 0;
  #failed = 0;

  onInit(): void {
    // Other reporters, and closing browsers, still write after the run has ended; nothing writes after this.
    process.once("exit", () => process.stdout.write(`${this.#passed} passed, ${this.#failed} failed\n`));
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    this.#passed = 0;
    // An error outside any test, such as a browser that does not start, fails the run too.
    this.#failed = unhandledErrors.length;
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      const failed = tests.filter((test) => test.result().state === "failed").length;
      this.#passed += tests.filter((test) => test.result().state === "passed").length;
      // A file that could not load, or whose hooks failed, has failed with no failed test to show for it.
      this.#failed += failed === 0 && module.state() === "failed" ? 1 : failed;
    }
  }
}
