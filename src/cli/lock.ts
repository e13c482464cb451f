import { randomUUID } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { WebgraftError } from "../base/errors.ts";

const LOCK = "run.lock";

/** The run that a folder belongs to. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the system's own words; empty where the system does not tell. */
  readonly process: string;
  /** When the run began, for display. */
  readonly since: string;
}

/** Keeps a folder for one run. */
export interface Lock {
  /** Throws WebgraftError if another run has the folder by now. */
  check(): void;
  release(): void;
}

/**
 * Takes a folder by a file that names this process. Throws WebgraftError, naming the other one, if a run that still
 * goes on has it; the lock of a process that has ended is taken over.
 */
export function lockFolder(folder: string): Lock {
  const path = join(folder, LOCK);
  const { pid } = process;
  const own: Owner = { pid, host: hostname(), process: beginning(pid), since: new Date().toISOString() };
  // The id tells this lock from another one of the same process and millisecond.
  const text = `${JSON.stringify({ ...own, id: randomUUID() })}\n`;
  for (let taken = false; !taken; ) {
    try {
      writeFileSync(path, text, { flag: "wx" });
      taken = true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const other = ownerOf(path);
      if (other && goesOn(other)) throw new WebgraftError(`${inUse(folder, other)}; give another with --out`);
      rmSync(path, { force: true });
    }
  }
  const isOwn = (): boolean => contentOf(path) === text;
  return {
    // Two runs that find a stale lock at the same time may both take it over; the later one keeps it.
    check() {
      if (isOwn()) return;
      const other = ownerOf(path);
      throw new WebgraftError(
        other ? inUse(folder, other) : `${path} was removed while this run used the folder — start it again`,
      );
    },
    release() {
      if (isOwn()) rmSync(path, { force: true });
    },
  };
}

function inUse(folder: string, { pid, host, since }: Owner): string {
  const where = host === hostname() ? "" : ` on ${host}`;
  return (
    `${folder} is in use by another run — process ${pid}${where}, since ${since}; ` +
    `if it has ended, remove ${join(folder, LOCK)}`
  );
}

function contentOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The owner that a lock names; undefined if there is none, or a power cut left the file empty. */
function ownerOf(path: string): Owner | undefined {
  try {
    const { pid, host, process, since } = JSON.parse(contentOf(path) ?? "") as Owner;
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, host, process, since } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process of a run is alive, as far as can be known from here. */
function goesOn({ pid, host, process: began }: Owner): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return beginning(pid) === began;
}

/** When a process began: its number alone may be that of a later process. Linux tells; empty for one that has ended. */
function beginning(pid: number): string {
  const stat = contentOf(`/proc/${pid}/stat`) ?? "";
  // Behind the name in parentheses: the state, and as the 20th field the time since the system started.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? "" : (fields[19] ?? "");
}
