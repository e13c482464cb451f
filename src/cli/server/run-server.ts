import { fileURLToPath } from "node:url";
import { build, type Rolldown } from "vite";
import { isDatasetName } from "../../job/settings.ts";
import { dataRoute } from "../data/data-files.ts";
import { type CheckpointExchange, checkpointExchange } from "./checkpoint-exchange.ts";
import { type RunFiles, runFiles } from "./run-files.ts";
import { hasMethod, type LocalServer, type Route, serve } from "./serve.ts";
import { tuningFile } from "./tuning-file.ts";

/** Serves the page of a run with all that it reads and writes, and no other file. */
export async function serveRun(exchange: CheckpointExchange, files: RunFiles): Promise<LocalServer> {
  const { data } = exchange.settings;
  return serve([
    page(await bundle()),
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

/** The script of the page, with all that it imports. */
async function bundle(): Promise<string> {
  const built = await build({
    configFile: false,
    root: fileURLToPath(new URL("../browser/page", import.meta.url)),
    publicDir: false,
    logLevel: "silent",
    build: {
      write: false,
      target: "esnext",
      minify: false,
      modulePreload: false,
      rolldownOptions: { input: fileURLToPath(new URL("../browser/page/main.ts", import.meta.url)) },
    },
  });
  const [{ output }] = [built].flat() as [Rolldown.RolldownOutput];
  return output[0].code;
}
