import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";
import type { RuntimeEngine } from "../../../src/cli/engine/engines.ts";
import { launchRuntime } from "../../../src/cli/runtime/runtime.ts";
import { pack, unpack } from "./pack.ts";

const WORKER = fileURLToPath(new URL("runtime-worker.ts", import.meta.url));

/** Runs test files in Node or Deno. A missing runtime or adapter fails the run before its first test. */
export const runtimePool = (engine: RuntimeEngine): PoolRunnerInitializer => ({
  name: engine,
  createPoolWorker: (options) => new RuntimeWorker(engine, options),
});

/** A process of a runtime, as Vitest drives it. */
class RuntimeWorker implements PoolWorker {
  readonly name: RuntimeEngine;
  readonly #project: PoolOptions["project"];
  #process: ChildProcess | undefined;

  constructor(engine: RuntimeEngine, { project }: PoolOptions) {
    this.name = engine;
    this.#project = project;
  }

  async start(): Promise<void> {
    const { start, description } = await launchRuntime(this.name);
    this.#project.vitest.logger.log(`${this.#project.name}: ${description}`);
    this.#process = start(WORKER);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    // A process with an open device need not end by itself.
    if (running?.exitCode === null && running.kill("SIGKILL")) await once(running, "exit");
  }

  send(message: WorkerRequest): void {
    this.#process!.send(pack(message));
  }

  on(event: string, callback: (...given: unknown[]) => void): void {
    this.#process!.on(event, callback);
  }

  off(event: string, callback: (...given: unknown[]) => void): void {
    this.#process!.off(event, callback);
  }

  deserialize: (message: unknown) => unknown = (message) => unpack(message as string);
}
