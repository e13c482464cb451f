import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { WebgraftError } from "../base/errors.ts";

/**
 * Makes a folder unless it exists. The function it returns removes the folder again if it was made here and is still
 * empty. Throws WebgraftError if the folder cannot be written to.
 */
export function openFolder(path: string): () => void {
  try {
    const made = mkdirSync(path, { recursive: true }) !== undefined;
    accessSync(path, constants.W_OK);
    return () => {
      if (made && readdirSync(path).length === 0) rmdirSync(path);
    };
  } catch (error) {
    throw new WebgraftError(
      `cannot write to the folder ${path} — ${reason(error)}; give another with --out`,
      {
        cause: error,
      },
    );
  }
}

/** Writes a file under another name and renames it, so that a file of this name is always complete. Returns its path. */
export function writeWhole(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  const unfinished = `${path}.${process.pid}`;
  try {
    writeFileSync(unfinished, content);
    renameSync(unfinished, path);
  } catch (error) {
    rmSync(unfinished, { force: true });
    throw new WebgraftError(`cannot write ${path} — ${reason(error)}`, { cause: error });
  }
  return path;
}

/** Why a file operation failed. Node's own messages repeat the system call and the path. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const known: Record<string, string> = {
    EACCES: "permission denied",
    EEXIST: "a file of that name exists",
    EISDIR: "it is a folder",
    ENOENT: "no such file or folder",
    ENOSPC: "the disk is full",
    ENOTDIR: "part of the path is a file",
    EROFS: "the file system is read-only",
  };
  return known[code ?? ""] ?? message;
}
