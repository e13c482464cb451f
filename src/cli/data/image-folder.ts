import { readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { DataError } from "../../base/errors.ts";
import { hashString, Random } from "../../base/random.ts";
import type { FolderImage, FolderIndex } from "../../data/folder-index.ts";
import { reason } from "../files.ts";

/** A folder of images on this machine: where it is, and what is in it. */
export interface ImageFolder extends FolderIndex {
  readonly path: string;
  /** A hash of the names of all images, on which the split and order by a seed depend. */
  readonly fingerprint: number;
}

/** The share of each class to test on, if there is no folder of test images. */
const TEST_SHARE = 0.2;

/**
 * Finds the PNG and JPEG files in a folder that holds a folder for each class, or two such folders, `train` and
 * `test`; without those a fifth of each class, chosen by `seed`, is for testing. `seed` also orders the images, so
 * that the first ones are a fair sample. Throws DataError for fewer than two classes, and for a class without images.
 */
export function scanImageFolder(path: string, seed: number): ImageFolder {
  const fail = (what: string): never => {
    throw new DataError(`${path}: ${what}`);
  };
  const hasSplits = ["train", "test"].every(
    (split) => foldersIn(path).includes(split) && foldersIn(join(path, split)).length > 0,
  );
  const root = hasSplits ? "train" : "";
  const classes = foldersIn(join(path, root));
  if (classes.length < 2) {
    const found = classes.length === 0 ? "there are no folders" : `there is only ${classes[0]}`;
    fail(`expects a folder of images for each class, two or more — ${found}`);
  }
  const images = (folder: string): FolderImage[][] =>
    classes.map((className, label) => {
      const at = folder === "" ? className : `${folder}/${className}`;
      return imagesIn(join(path, at)).map((file) => ({ name: `${at}/${file}`, label }));
    });
  const shuffled = <T>(list: readonly T[], stream: string): T[] =>
    Array.from(new Random(seed, stream).permutation(list.length), (i) => list[i]!);

  const all = images(root);
  const empty = all.findIndex((list) => list.length === 0);
  if (empty >= 0) fail(`there are no PNG or JPEG files in ${join(root, classes[empty]!)}`);
  let train = all;
  let test: FolderImage[][];
  if (hasSplits) {
    const unknown = foldersIn(join(path, "test")).find((className) => !classes.includes(className));
    if (unknown !== undefined) fail(`there is a test/${unknown}, but no train/${unknown}`);
    test = images("test");
  } else {
    const mixed = all.map((list, label) => shuffled(list, `split ${classes[label]}`));
    // A single image is for training.
    const share = mixed.map(({ length }) =>
      length === 1 ? 0 : Math.max(1, Math.round(TEST_SHARE * length)),
    );
    test = mixed.map((list, label) => list.slice(0, share[label]));
    train = mixed.map((list, label) => list.slice(share[label]));
  }
  if (test.every((list) => list.length === 0)) fail("there are no images to test on");
  const names = [...train.flat(), ...test.flat()].map(({ name }) => name).sort();
  return {
    path,
    name: basename(path),
    fingerprint: hashString(names.join("\n")),
    classes,
    train: shuffled(train.flat(), "train"),
    test: shuffled(test.flat(), "test"),
  };
}

/** The names in a folder, without hidden ones, in the same order in every locale. */
function entriesOf(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw new DataError(`cannot read ${path} — ${reason(error)}`, { cause: error });
  }
}

const foldersIn = (path: string): string[] => entriesOf(path).filter((name) => isFolder(join(path, name)));

const imagesIn = (path: string): string[] => entriesOf(path).filter((name) => /\.(png|jpe?g)$/i.test(name));

/** Whether this is the path of a folder, or of a link to one. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
