/** What a process of Node or Deno does in place of a page: it loads a script, whose global functions are called. */
import { pathToFileURL } from "node:url";
import { installWebGpu } from "../../node/index.ts";
import { describeAdapter } from "../engine/adapter.ts";
import type { Answer, Call } from "./child.ts";
import { DAWN_FLAGS } from "./dawn.ts";
import type { Description } from "./runtime.ts";

const send = (message: Call | Answer): void => {
  if (process.connected) process.send!(message);
};

const functions: Record<string, (...args: never[]) => unknown> = {
  async describe(): Promise<Description> {
    const { deno, node } = process.versions;
    return { version: deno ? `Deno/${deno}` : `Node/${node}`, adapter: await describeAdapter() };
  },
  /** Loads a script that may call these functions of the other process. */
  async load(script: string, names: readonly string[]): Promise<void> {
    for (const name of names) {
      Object.assign(globalThis, { [name]: (...args: unknown[]) => send({ name, args }) });
    }
    await import(pathToFileURL(script).href);
  },
};

const installed = installWebGpu(DAWN_FLAGS);

process.on("message", async ({ id, name, args }: Call) => {
  try {
    await installed;
    const called = functions[name] ?? (globalThis as unknown as typeof functions)[name]!;
    send({ id: id!, result: await called(...(args as never[])) });
  } catch (error) {
    send({ id: id!, error: (error as Error).message });
  }
});
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: Error) => send({ error: error.message }));
}
// However the command line ends, this ends with it.
process.on("disconnect", () => process.exit());
