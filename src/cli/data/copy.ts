#!/usr/bin/env node
/** `npx webgraft data NAME FOLDER`, for apps: puts a data set where `loadDataset` looks for it. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { WebgraftError } from "../../base/errors.ts";
import { type DatasetName, datasetNames } from "../../data/load.ts";
import { dataFile, dataFileNames } from "./data-files.ts";

const [command, name, folder, ...more] = process.argv.slice(2);
const isName = (text: string | undefined): text is DatasetName =>
  datasetNames.some((known) => known === text);

if (command !== "data" || !isName(name) || !folder || more.length > 0) {
  console.error(`usage: webgraft data ${datasetNames.join("|")} FOLDER (in an app of Vite, public/data)`);
  process.exit(2);
}
try {
  mkdirSync(join(folder, name), { recursive: true });
  for (const file of dataFileNames(name)) {
    const path = join(folder, name, file);
    copyFileSync(dataFile(name, file)!, path);
    console.log(path);
  }
} catch (error) {
  if (!(error instanceof WebgraftError)) throw error;
  console.error(`webgraft: ${error.message}`);
  process.exit(1);
}
