import { DataError } from "../base/errors.ts";
import { check, list, object, parseJson, type Schema, string, text, whole } from "../base/schema.ts";
import type { Split } from "./load.ts";

/** A server's `index.json` for a folder of images; beside it lie the images, such as `train/3` for image 3. */
export interface FolderIndex extends Readonly<Record<Split, readonly FolderImage[]>> {
  readonly name: string;
  readonly classes: readonly string[];
}

/** An image of a folder, and its class. */
export interface FolderImage {
  /** Path in the folder, for errors. */
  readonly name: string;
  readonly label: number;
}

const withClasses = object({ classes: list(text, 1) });

const indexOf = (classes: number): Schema<FolderIndex> => {
  const images = list(object({ name: string, label: whole(0, classes - 1) }));
  return object({ name: string, classes: list(text), train: images, test: images });
};

/** Reads an `index.json`. Throws DataError, with the place, unless each image has the number of a class as its label. */
export function parseFolderIndex(json: Uint8Array): FolderIndex {
  const index = parseJson(withClasses, json, "index.json", DataError);
  return check(indexOf(index.classes.length), index, "index.json", DataError);
}
