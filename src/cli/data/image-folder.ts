import { realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { DataError } from "../../base/errors.ts";
import { hashString, Random } from "../../base/random.ts";
import type { FolderImage, FolderIndex } from "../../data/folder-index.ts";
import { FORMATS } from "../../data/image-header.ts";
import { isImageFile, LeftOut, list } from "./files-in.ts";

/** A folder of images on this machine: where it is, and what is in it. */
export interface ImageFolder extends FolderIndex {
  readonly path: string;
  /** A hash of the names of all images, on which the split and order by a seed depend. */
  readonly fingerprint: number;
  /** What was left out, and what a folder's name was taken for, for the user. */
  readonly notes: readonly string[];
}

/** The share of each class to test on, if there is no folder of test images. */
const TEST_SHARE = 0.2;

/** The names, in any case, of the two folders of a split. */
const TRAIN = ["train"];
const TEST = ["test", "val", "valid", "validation"];

/**
 * Finds the images in a folder that holds a folder for each class, or two such folders, `train` and `test` (or `val`,
 * `valid`, `validation`); without those a fifth of each class, chosen by `seed`, is for testing. A folder around them is
 * looked through, and so are folders in that of a class. `seed` also orders the images, so that the first ones are a fair
 * sample. Throws DataError for fewer than two classes, and for a class without images.
 */
export function scanImageFolder(path: string, seed: number): ImageFolder {
  const fail = (what: string): never => {
    throw new DataError(`${path}: ${what}`);
  };
  const leftOut = new LeftOut();
  const notes: string[] = [];
  const foldersIn = (at: string): readonly string[] => list(join(path, at)).folders;
  const under = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`);

  const around = wrapperIn(foldersIn);
  const splitNamed = (names: readonly string[]): string[] => {
    const found = foldersIn(around).map((name) => ({ name, rank: names.indexOf(name.toLowerCase()) }));
    const wanted = found.filter(({ name, rank }) => rank >= 0 && foldersIn(under(around, name)).length > 0);
    return wanted.sort((a, b) => a.rank - b.rank).map(({ name }) => under(around, name));
  };
  const [trainAt] = splitNamed(TRAIN);
  const [testAt, ...others] = splitNamed(TEST);
  const splits = trainAt !== undefined && testAt !== undefined ? { train: trainAt, test: testAt } : undefined;
  const root = splits?.train ?? around;
  const classes = foldersIn(root);
  if (classes.length < 2) {
    const found = classes.length === 0 ? "there are no folders" : `there is only ${classes[0]}`;
    fail(`expects a folder of images for each class, two or more — ${found}`);
  }
  if (around !== "") notes.push(`the classes are in ${around}`);
  if (splits && others.length > 0) {
    notes.push(`tested on ${splits.test}; ${others.join(", ")} ${others.length > 1 ? "are" : "is"} left out`);
  }
  const images = (folder: string): FolderImage[][] =>
    classes.map((className, label) => {
      const at = under(folder, className);
      return imagesIn(path, at, leftOut).map((name) => ({ name, label }));
    });
  const shuffled = <T>(list: readonly T[], stream: string): T[] =>
    Array.from(new Random(seed, stream).permutation(list.length), (i) => list[i]!);

  const all = images(root);
  const empty = all.findIndex((list) => list.length === 0);
  if (empty >= 0) fail(`there are no images (${FORMATS}) in ${join(root, classes[empty]!)}`);
  let train = all;
  let test: FolderImage[][];
  if (splits) {
    const unknown = foldersIn(splits.test).find((className) => !classes.includes(className));
    if (unknown !== undefined) fail(`there is a ${splits.test}/${unknown}, but no ${root}/${unknown}`);
    test = images(splits.test);
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
  for (const folder of new Set(["", around, root, splits?.test ?? root])) {
    const { files, others } = list(join(path, folder));
    for (const name of files) leftOut.add(name, isImageFile(join(path, folder, name)));
    for (const name of others) leftOut.add(name);
  }
  const names = [...train.flat(), ...test.flat()].map(({ name }) => name).sort();
  return {
    path,
    name: basename(path),
    fingerprint: hashString(names.join("\n")),
    classes,
    train: shuffled(train.flat(), "train"),
    test: shuffled(test.flat(), "test"),
    notes: [...notes, ...leftOut.notes()],
  };
}

/** The folder that is alone in another, and has folders in it, as archives unpack; "" if there is none. */
function wrapperIn(foldersIn: (at: string) => readonly string[]): string {
  let at = "";
  while (true) {
    const [only, ...more] = foldersIn(at);
    if (only === undefined || more.length > 0) return at;
    const inside = at === "" ? only : `${at}/${only}`;
    if (foldersIn(inside).length === 0) return at;
    at = inside;
  }
}

/** The images in a folder of `path` and in the folders in it, by their paths from `path` on. */
function imagesIn(path: string, folder: string, leftOut: LeftOut, above: readonly string[] = []): string[] {
  const { files, folders, others } = list(join(path, folder));
  if (files.length + folders.length + others.length === 0) return [];
  // A link to a folder around it would go on for ever.
  const real = realpathSync(join(path, folder));
  if (above.includes(real)) return [];
  for (const name of others) leftOut.add(name);
  const images = files.filter((name) => {
    const isImage = isImageFile(join(path, folder, name));
    if (!isImage) leftOut.add(name);
    return isImage;
  });
  const deeper = folders.flatMap((name) => imagesIn(path, `${folder}/${name}`, leftOut, [...above, real]));
  return [...images.map((name) => `${folder}/${name}`), ...deeper];
}
