import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { WebgraftError } from "../base/errors.ts";

/** Tables of measured kernels, by device; the command line's browsers do not keep theirs. */
export const TUNING_FILE = "runs/tuning.json";

/** Texts and bytes by the names of the files that hold them. */
export type FileContents = Readonly<Record<string, string | Uint8Array>>;

/** Writes a file so that a file of this name is always complete, also after a power cut. Returns its path. */
export function writeWhole(folder: string, name: string, content: string | Uint8Array): string {
  return writeTogether(folder, { [name]: content })[0]!;
}

/**
 * Writes files under other names, and renames them once all are on the disk: whoever fails or is killed before leaves
 * the old ones, which agree with each other. Returns their paths.
 */
export function writeTogether(folder: string, contents: FileContents): string[] {
  const files = Object.entries(contents).map(([name, content]) => {
    const path = join(folder, name);
    return { path, unfinished: `${path}.${process.pid}`, content };
  });
  let writing = folder;
  try {
    for (const { path, unfinished, content } of files) {
      writing = path;
      writeFileSync(unfinished, content, { flush: true });
    }
    for (const { path, unfinished } of files) {
      writing = path;
      renameSync(unfinished, path);
    }
    flushFolder(folder);
  } catch (error) {
    for (const { unfinished } of files) removeFile(unfinished);
    throw new WebgraftError(`cannot write ${writing} — ${reason(error)}`, { cause: error });
  }
  return files.map(({ path }) => path);
}

/** Removes a file, if it is there and one that can be removed. */
function removeFile(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // The caller is about to report what went wrong before.
  }
}

/** Puts the names in a folder on the disk, where the system lets programs do so. */
function flushFolder(path: string): void {
  let folder: number | undefined;
  try {
    folder = openSync(path, "r");
    fsyncSync(folder);
  } catch {
    // Windows cannot open folders; the names reach the disk a little later.
  } finally {
    if (folder !== undefined) closeSync(folder);
  }
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
