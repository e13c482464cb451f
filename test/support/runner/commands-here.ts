/** In place of "vitest/browser" where tests run in Node or Deno: the commands, which need no page to be asked from. */
import { commands as all } from "./commands.ts";

type Run = (context: undefined, ...args: readonly unknown[]) => unknown;

export const commands = Object.fromEntries(
  Object.entries(all).map(([name, run]) => [
    name,
    (...args: readonly unknown[]) => (run as unknown as Run)(undefined, ...args),
  ]),
);
