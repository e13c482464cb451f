/**
 * `node keeper.mjs <profile> <browser> <arguments…>`: runs a browser, and ends it and removes its profile when the
 * process that started this one has ended, in whatever way: the system then closes the pipe that is the standard input.
 * Plain JavaScript, so that nothing has to be compiled before the browser starts.
 */
import { spawn, spawnSync } from "node:child_process";
import { rmSync } from "node:fs";

const [profile, executable, ...args] = process.argv.slice(2);
// Through these the browser is driven, where it is not by a port.
const pipes = args.includes("--remote-debugging-pipe") ? [3, 4] : [];
const browser = spawn(executable, args, { stdio: ["ignore", "inherit", "inherit", ...pipes] });

browser.on("error", ({ message }) => {
  process.stderr.write(`${message}\n`);
  process.exit(127);
});
browser.on("exit", (code) => {
  try {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  } catch {
    // A temporary folder stays.
  }
  process.exit(code ?? 1);
});
process.stdin.resume().on("close", () => {
  if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(browser.pid), "/T", "/F"]);
  else browser.kill("SIGKILL");
});
