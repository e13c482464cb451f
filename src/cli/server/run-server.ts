import { dirname } from "node:path";
import type { Rolldown } from "vite";
import { isDatasetName } from "../../job/settings.ts";
import { dataRoute } from "../data/data-files.ts";
import { PAGE } from "../resources.ts";
import { type CheckpointExchange, checkpointExchange } from "./checkpoint-exchange.ts";
import { type RunFiles, runFiles } from "./run-files.ts";
import { hasMethod, type LocalServer, type Route, serve } from "./serve.ts";
import { tuningFile } from "./tuning-file.ts";

/** Serves all that a run reads and writes, and the page itself for browsers, and no other file. */
export async function serveRun(
  exchange: CheckpointExchange,
  files: RunFiles,
  withPage = true,
): Promise<LocalServer> {
  const { data } = exchange.settings;
  return serve([
    ...(withPage ? [page(await bundle(PAGE))] : []),
    ...(isDatasetName(data) ? [dataRoute([data])] : []),
    runFiles(files),
    checkpointExchange(exchange),
    tuningFile(),
  ]);
}

function page(script: string): Route {
  const files: Readonly<Record<string, readonly [type: string, text: string]>> = {
    "": ["text/html", '<!doctype html><title>Webgraft</title><script type="module" src="main.js"></script>'],
    "main.js": ["text/javascript", script],
  };
  return (path, request, response) => {
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    if (!file) return false;
    if (!hasMethod(request, response, "GET", "HEAD")) return true;
    const [type, text] = file;
    response.writeHead(200, { "content-type": `${type}; charset=utf-8` }).end(text);
    return true;
  };
}

/** A script with all that it imports. */
async function bundle(file: string): Promise<string> {
  // Not before it is needed: Node and Deno load the script itself.
  const { build } = await import("vite");
  const built = await build({
    configFile: false,
    root: dirname(file),
    publicDir: false,
    logLevel: "silent",
    build: {
      write: false,
      target: "esnext",
      minify: false,
      modulePreload: false,
      rolldownOptions: { input: file },
    },
  });
  const [{ output }] = [built].flat() as [Rolldown.RolldownOutput];
  return output[0].code;
}
