import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Line {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** How a run is made to stop: a signal, or `leave`: nobody reads its output any longer. */
type Interruption = NodeJS.Signals | "leave";

/** Runs `npm run train` with `--json`; interrupts it, by default with Ctrl-C, at the first event named `interruptAt`. */
export async function train(args: readonly string[], interruptAt?: string, how: Interruption = "SIGINT") {
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
    if (how === "leave") child.stdout.destroy();
    else child.kill(how);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  const lines = text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  return { code, lines };
}
