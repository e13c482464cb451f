/** Runs test files, in a process of the kit. */
import { pathToFileURL } from "node:url";
import { beforeEach, startTests, type Task, type VitestRunner } from "@vitest/runner";
import { fetchFiles } from "../../support/runner/fetch-files.ts";
import { reasonToLeaveOut } from "../../support/runner/needs-page.ts";
import { app } from "../instead/resources.ts";

export interface Outcome {
  readonly name: string;
  readonly state: "passed" | "failed" | "left out";
  readonly milliseconds: number;
  /** What failed, or why it was left out. */
  readonly message?: string;
}

/** What takes longer hangs. */
const PATIENCE_MS = 5 * 60_000;

const runner: VitestRunner = {
  config: {
    root: app(""),
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: undefined,
    allowOnly: false,
    sequence: { seed: 0, hooks: "stack", setupFiles: "list" },
    chaiConfig: undefined,
    maxConcurrency: 1,
    testTimeout: PATIENCE_MS,
    hookTimeout: PATIENCE_MS,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  async importFile(path) {
    beforeEach(({ task, skip }) => {
      const reason = reasonToLeaveOut(task.file.name, task.name);
      if (reason) skip(reason);
    });
    await import(pathToFileURL(path.replace(/\.ts$/, ".js")).href);
  },
};

/** Runs a test file, named as in the repository. */
async function runFile(file: string): Promise<Outcome[]> {
  return (await startTests([app(file)], runner)).flatMap(outcomesOf);
}

function outcomesOf(task: Task): Outcome[] {
  if (task.type === "suite") {
    // What failed outside of tests, such as a hook or the file itself.
    const errors = task.result?.errors ?? [];
    const failures = errors.map(
      ({ message }): Outcome => ({ name: fullName(task), state: "failed", milliseconds: 0, message }),
    );
    return [...task.tasks.flatMap(outcomesOf), ...failures];
  }
  const { state, duration = 0, errors } = task.result ?? { state: "skip" };
  const message =
    errors?.map(({ message }) => message).join("; ") || reasonToLeaveOut(task.file.name, task.name);
  return [
    {
      name: fullName(task),
      state: state === "pass" ? "passed" : state === "fail" ? "failed" : "left out",
      milliseconds: Math.round(duration),
      ...(message && { message }),
    },
  ];
}

/** With the suites around it. */
const fullName = (task: Task): string => (task.suite ? `${fullName(task.suite)} > ${task.name}` : task.name);

fetchFiles();
Object.assign(globalThis, { runFile });
