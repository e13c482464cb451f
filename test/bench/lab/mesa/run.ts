import { spawnSync } from "node:child_process";

/** What a command prints. Throws if it is missing or fails, with the end of what it said. */
export function run(command: string, args: readonly string[], cwd = process.cwd()): string {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (error && "code" in error && error.code === "ENOENT") {
    throw new Error(`${command} is not there: test/bench/lab/README.md says what the lab needs`);
  }
  if (error) throw error;
  if (status !== 0) {
    const said = `${stdout}${stderr}`.trim().split("\n").slice(-12).join("\n");
    throw new Error(`${command} ${args.join(" ")} failed (${status}):\n${said}`);
  }
  return stdout;
}
