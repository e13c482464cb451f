import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Line {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** Runs `npm run train` with `--json`; sends `signal`, by default Ctrl-C's, at the first event named `interruptAt`. */
export async function train(
  args: readonly string[],
  interruptAt?: string,
  signal: NodeJS.Signals = "SIGINT",
) {
  const script = fileURLToPath(new URL("../../../src/cli/train.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", "tsx", script, "--json", ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  let interrupted = false;
  child.stdout.on("data", (chunk) => {
    text += chunk;
    if (interrupted || !interruptAt || !text.includes(`{"event":"${interruptAt}"`)) return;
    interrupted = true;
    child.kill(signal);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  return { code, lines };
}
