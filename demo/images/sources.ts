/** Where pictures come from: files that were chosen, dropped or pasted, and folders. */

/** A file, and the class that its folder names if it came with one. */
export interface Sorted {
  readonly file: File;
  readonly folder?: string;
}

/** Files of a list, sorted by the folders that they lie in if whole folders were chosen. */
export function chosen(files: FileList | readonly File[]): Sorted[] {
  return Array.from(files, (file) => sorted(file, file.webkitRelativePath)).filter(isVisible);
}

/** What is dropped or pasted, folders included. Must be called while the event is being handled. */
export async function transferred(data: DataTransfer): Promise<Sorted[]> {
  const items = [...data.items].filter(({ kind }) => kind === "file");
  const entries = items.map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()] as const);
  const found: Sorted[] = [];
  for (const [entry, file] of entries) {
    if (entry?.isDirectory) for await (const each of filesOf(entry)) found.push(each);
    else if (file) found.push({ file });
  }
  return found.filter(isVisible);
}

async function* filesOf(entry: FileSystemEntry): AsyncGenerator<Sorted> {
  if (entry.isFile) {
    const file = await new Promise<File>((done, fail) => (entry as FileSystemFileEntry).file(done, fail));
    yield sorted(file, entry.fullPath);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A reader gives some at a time, and none at its end.
    const some = await new Promise<FileSystemEntry[]>((done, fail) => reader.readEntries(done, fail));
    if (some.length === 0) return;
    for (const each of some) yield* filesOf(each);
  }
}

/** The last folder of a path is the class. */
function sorted(file: File, path: string): Sorted {
  const folder = path.split("/").filter(Boolean).at(-2);
  return { file, ...(folder !== undefined && { folder }) };
}

/** Not what systems leave in folders, such as `.DS_Store`. */
const isVisible = ({ file: { name } }: Sorted): boolean => !name.startsWith(".") && name !== "Thumbs.db";
