import type { ChildProcess } from "node:child_process";
import { DeviceError, WebgraftError } from "../../base/errors.ts";

/** Calls a global function of a process, whose answer has the same `id`; processes call functions of ours without one. */
export interface Call {
  readonly id?: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Without `id` it tells what was thrown outside of calls. */
export interface Answer {
  readonly id?: number;
  readonly result?: unknown;
  /** The message of what was thrown. */
  readonly error?: string;
}

/** A process of main.ts, which calls functions by their names, as a page does. */
export class Child {
  /** Rejects when the process has ended, or with what was thrown outside of calls. */
  readonly died: Promise<never>;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  /** `functions` are what the process may call. */
  constructor(
    process: ChildProcess,
    functions: Readonly<Record<string, (...args: never[]) => unknown>> = {},
  ) {
    this.#process = process;
    this.died = new Promise((_, reject) => {
      process.on("message", (message: Call | Answer) => {
        if ("name" in message) functions[message.name]!(...(message.args as never[]));
        else if (message.id === undefined) reject(new WebgraftError(message.error!));
        else this.#waiting.get(message.id)?.(message);
      });
      process.on("error", ({ message }) => reject(new DeviceError(`the process did not start — ${message}`)));
      process.on("exit", (code, signal) =>
        reject(
          new DeviceError(`the process ended in the middle of the run — ${signal ?? `exit code ${code}`}`),
        ),
      );
    });
    this.died.catch(() => {}); // It may reject before it is awaited.
  }

  /** Calls a global function of the process, with plain data. Rejects with what it throws. */
  call(name: string, ...args: readonly unknown[]): Promise<unknown> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        this.#waiting.delete(id);
        if (error === undefined) resolve(result);
        else reject(new WebgraftError(error));
      });
      if (this.#process.connected) this.#process.send({ id, name, args } satisfies Call);
    });
  }

  close(): void {
    this.#process.removeAllListeners("message");
    this.#process.kill("SIGKILL");
  }
}
