import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Split } from "../../data/load.ts";
import { externalDataOf } from "../../formats/onnx/import.ts";
import type { ImageFolder } from "../data/image-folder.ts";
import { sendFile } from "./send-file.ts";
import { hasMethod, type Route } from "./serve.ts";

/** The user's own files that a run needs. */
export interface RunFiles {
  readonly folder?: ImageFolder | undefined;
  /** Paths of weight files. */
  readonly weights: readonly string[];
}

/**
 * Serves the images of a folder as `data/folder/<train|test>/<number>`, their index as `data/folder/index.json`, and
 * weight files as `weights/<number>/<name>`, with the files beside it that it names.
 */
export function runFiles({ folder, weights }: RunFiles): Route {
  const pathOf = (url: string): string | undefined => {
    const image = /^data\/folder\/(train|test)\/(\d+)$/.exec(url);
    const name = image && folder?.[image[1] as Split][Number(image[2])]?.name;
    if (folder && name) return join(folder.path, name);
    const [, number, file = ""] = /^weights\/(\d+)\/([^/]+)$/.exec(url) ?? [];
    const path = weights[Number(number)];
    if (!path || file === basename(path)) return path;
    return shardsOf(path).includes(file) ? join(dirname(path), file) : undefined;
  };
  return (url, request, response) => {
    const isIndex = folder !== undefined && url === "data/folder/index.json";
    const path = isIndex ? undefined : pathOf(url);
    if (!isIndex && path === undefined) return false;
    if (!hasMethod(request, response, "GET", "HEAD")) return true;
    if (path !== undefined) {
      sendFile(request, response, path);
    } else if (folder) {
      const { name, classes, train, test } = folder;
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ name, classes, train, test }));
    }
    return true;
  };
}

/**
 * The files that another one names: the shards of a TensorFlow.js model.json or of the index of a sharded safetensors
 * file, and an ONNX file's larger tensors.
 */
function shardsOf(path: string): unknown[] {
  try {
    const file = readFileSync(path);
    if (path.endsWith(".onnx")) return [...externalDataOf(file).keys()];
    const { weight_map: map = {}, weightsManifest: groups = [] } = JSON.parse(file.toString());
    const names = [...Object.values(map), ...groups.flatMap(({ paths }: { paths: unknown[] }) => paths)];
    return names.filter((name) => basename(String(name)) === name);
  } catch {
    return []; // The reader of the file reports what is wrong with it.
  }
}
