import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmdirSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { WebgraftError } from "../base/errors.ts";
import { type FileContents, reason, writeTogether } from "./files.ts";
import { type Lock, lockFolder } from "./lock.ts";

/** The files of a run. */
export const runFileNames = {
  checkpoint: "checkpoint.safetensors",
  model: "model.safetensors",
  metrics: "metrics.json",
  report: "report.html",
} as const;

export interface FolderOptions {
  /** The checkpoint that the run goes on from. */
  readonly resumed?: string | undefined;
  /** Whether the files of another run may be overwritten. */
  readonly force?: boolean;
  /** Whether the folder was made for this run, as `newFolder` does. */
  readonly made?: boolean;
}

/** The folder of one run, which no other run writes to meanwhile. */
export class RunFolder {
  readonly path: string;
  readonly #lock: Lock;
  readonly #made: boolean;
  /** Whether the files of an earlier run are still there. */
  #stale: boolean;

  /**
   * Makes the folder unless it exists. Throws WebgraftError if it cannot be written to, if another run is using it, and
   * if it holds another run, unless `force` is given.
   */
  constructor(path: string, { resumed, force = false, made = false }: FolderOptions = {}) {
    this.path = path;
    try {
      this.#made = mkdirSync(path, { recursive: true }) !== undefined || made;
      accessSync(path, constants.W_OK);
      this.#lock = lockFolder(path);
    } catch (error) {
      if (error instanceof WebgraftError) throw error;
      throw new WebgraftError(
        `cannot write to the folder ${path} — ${reason(error)}; give another with --out`,
        { cause: error },
      );
    }
    const checkpoint = join(path, runFileNames.checkpoint);
    const goesOn = resumed !== undefined && isSame(resumed, checkpoint);
    this.#stale = !goesOn && this.#holds(...Object.values(runFileNames));
    if (this.#stale && !force) {
      this.close();
      const what = this.#holds(runFileNames.model) ? "a finished run" : "a run that can go on";
      throw new WebgraftError(
        `${path} holds ${what} — give another folder with --out, resume it with --resume ${checkpoint}, ` +
          "or overwrite it with --force",
      );
    }
    this.#clean();
  }

  /** Writes files together. Returns their paths. */
  write(contents: FileContents): string[] {
    this.#lock.check();
    // What is not written again would be taken for a result of this run.
    if (this.#stale) rmSync(join(this.path, runFileNames.model), { force: true });
    this.#stale = false;
    return writeTogether(this.path, contents);
  }

  /** Lets others have the folder, and takes it away if it was made here and is still empty. Never throws. */
  close(): void {
    try {
      this.#lock.release();
      if (this.#made && readdirSync(this.path).length === 0) rmdirSync(this.path);
    } catch {
      // Somebody has removed it, say.
    }
  }

  #holds(...names: readonly string[]): boolean {
    return names.some((name) => existsSync(join(this.path, name)));
  }

  /** Removes what a run that was killed while writing has left. */
  #clean(): void {
    const unfinished = Object.values(runFileNames).map((name) => `${name}.`);
    for (const name of readdirSync(this.path)) {
      if (unfinished.some((begin) => name.startsWith(begin) && /^\d+$/.test(name.slice(begin.length)))) {
        rmSync(join(this.path, name), { force: true });
      }
    }
  }
}

/** Makes a folder for a run that begins now: `runs/2026-05-01T12-30-00`, in local time. */
export function newFolder(root = "runs"): string {
  const now = new Date();
  const local = new Date(now.getTime() - now.getTimezoneOffset() * 60_000);
  const path = join(root, local.toISOString().slice(0, 19).replaceAll(":", "-"));
  try {
    for (let number = 1; ; number++) {
      const free = number === 1 ? path : `${path}-${number}`;
      // Another run may begin in the same second.
      if (!existsSync(free) && mkdirSync(free, { recursive: true }) !== undefined) return free;
    }
  } catch (error) {
    throw new WebgraftError(`cannot make the folder ${path} — ${reason(error)}; give another with --out`, {
      cause: error,
    });
  }
}

function isSame(one: string, other: string): boolean {
  return existsSync(one) && existsSync(other) && realpathSync(one) === realpathSync(other);
}
