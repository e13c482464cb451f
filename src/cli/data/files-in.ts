/** What lies in a folder of somebody else's: its folders, its files, which of these are images, and what is left out. */
import { closeSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { extname, join } from "node:path";
import { DataError } from "../../base/errors.ts";
import { imageFormat, SIGNATURE_BYTES } from "../../data/image-header.ts";
import { reason } from "../files.ts";

/** What a Mac's archives add: a shadow of each file. */
const SHADOWS = "__MACOSX";

interface Content {
  readonly folders: readonly string[];
  readonly files: readonly string[];
  /** Hidden files, links to nowhere, and what a Mac's archive adds. Hidden folders are not told. */
  readonly others: readonly string[];
}

/** The names in a folder, in the same order in every locale; nothing for one that does not exist. */
export function list(path: string): Content {
  const folders: string[] = [];
  const files: string[] = [];
  const others: string[] = [];
  for (const { name, kind } of entriesOf(path)) {
    const isHidden = name.startsWith(".");
    if (kind === "folder") {
      if (name === SHADOWS) others.push(name);
      else if (!isHidden) folders.push(name);
    } else (isHidden || kind === "nothing" ? others : files).push(name);
  }
  return { folders, files, others };
}

interface Entry {
  readonly name: string;
  readonly kind: "folder" | "file" | "nothing";
}

function entriesOf(path: string): Entry[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .map((entry): Entry => {
        const { name } = entry;
        if (!entry.isSymbolicLink()) return { name, kind: entry.isDirectory() ? "folder" : "file" };
        const target = statSync(join(path, name), { throwIfNoEntry: false });
        return { name, kind: !target ? "nothing" : target.isDirectory() ? "folder" : "file" };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new DataError(`cannot read ${path} — ${reason(error)}`, { cause: error });
  }
}

/** Whether this is the path of a folder, or of a link to one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Files with such names are images, or meant to be: what is none is damaged, and not left out without a word. */
const IMAGE_NAME = /\.(png|jpe?g|jfif|gif|webp|avif|bmp)$/i;

/** Whether a file is an image by its name or, with any other name, by its first bytes. */
export function isImageFile(path: string): boolean {
  if (IMAGE_NAME.test(path)) return true;
  const start = new Uint8Array(SIGNATURE_BYTES);
  try {
    const file = openSync(path, "r");
    try {
      return imageFormat(start.subarray(0, readSync(file, start))) !== undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return false; // Nobody may read it, and nothing says that it should be an image.
  }
}

/** How many kinds of files are told. */
const KINDS = 8;

/** Counts what is not trained on, by kind. */
export class LeftOut {
  readonly #kinds = new Map<string, number>();
  #shadows = false;

  /** A file, or a Mac's shadows; `isImage` for an image that lies where no class is. */
  add(name: string, isImage = false): void {
    if (name === SHADOWS) {
      this.#shadows = true;
      return;
    }
    const kind = isImage ? IMAGES : extname(name).toLowerCase() || name;
    this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
  }

  notes(): string[] {
    const kinds = [...this.#kinds].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    const count = kinds.reduce((sum, [, n]) => sum + n, 0);
    const told = kinds.slice(0, KINDS).map(([kind, n]) => `${n} ${kind}`);
    if (kinds.length > KINDS) told.push("…");
    return [
      ...(count > 0
        ? [`left out ${count} ${count === 1 ? "file" : "files"} of other kinds: ${told.join(", ")}`]
        : []),
      ...(this.#shadows ? [`left out the folder ${SHADOWS}`] : []),
    ];
  }
}

const IMAGES = "images outside the classes' folders";
