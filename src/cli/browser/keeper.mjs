/**
 * `node keeper.mjs <profile> <browser> <arguments…>`: runs a browser, and ends it and removes its profile when the
 * process that started this one has ended, in whatever way: the system then closes the pipe that is the standard input.
 * Plain JavaScript, so that nothing has to be compiled before the browser starts.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";

const [profile, executable, ...args] = process.argv.slice(2);
// Through these the browser is driven, where it is not by a port.
const pipes = args.includes("--remote-debugging-pipe") ? [3, 4] : [];
const browser = spawn(executable, args, { stdio: ["ignore", "inherit", "inherit", ...pipes] });

browser.on("error", ({ message }) => {
  process.stderr.write(`${message}\n`);
  process.exit(127);
});
browser.on("exit", async (code) => {
  endHelpers();
  await removeProfile();
  process.exit(code ?? 1);
});
process.stdin.resume().on("close", () => {
  if (process.platform === "win32") spawnSync("taskkill", ["/pid", String(browser.pid), "/T", "/F"]);
  else browser.kill("SIGKILL");
});
process.on("SIGTERM", () => {}); // Its own, see below.

/** Ends what the browser has started and left behind: the rest of this process's group. */
function endHelpers() {
  try {
    if (process.platform !== "win32") process.kill(-process.pid, "SIGTERM");
  } catch {
    // It does not lead a group, so it was not the command line that started it.
  }
}

/** A helper may write until it has ended. */
async function removeProfile() {
  for (let tries = 0; tries < 50 && existsSync(profile); tries++) {
    try {
      rmSync(profile, { recursive: true, force: true });
    } catch {
      // It is in use; a temporary folder may stay.
    }
    await wait(50);
  }
}
