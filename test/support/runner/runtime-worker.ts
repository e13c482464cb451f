/** Runs test files in a process of Node or Deno that has WebGPU. */
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { init, runBaseTests, setupEnvironment } from "vitest/worker";
import { dataFile } from "../../../src/cli/data/data-files.ts";
import { installWebGpu } from "../../../src/cli/runtime/webgpu.ts";
import type { DatasetName } from "../../../src/data/load.ts";
import { pack, unpack } from "./pack.ts";

// Tests may put others in their places.
const send = process.send!.bind(process);
const on = process.on.bind(process);
const off = process.off.bind(process);
const exit = process.exit.bind(process);

Object.assign(globalThis, { Buffer });
await installWebGpu();
fetchFiles();

init({
  post: (message) => send(message),
  on: (callback) => on("message", callback),
  off: (callback) => off("message", callback),
  serialize: pack,
  deserialize: (message) => unpack(message as string),
  setup: setupEnvironment,
  runTests: (state, traces) => runBaseTests("run", state, traces),
  collectTests: (state, traces) => runBaseTests("collect", state, traces),
});
// However Vitest ends, this ends with it.
on("disconnect", () => exit());

/** Lets tests fetch what the server has for a page: the files beside them, and data sets. */
function fetchFiles(): void {
  const { fetch } = globalThis;
  globalThis.fetch = async (input, options) => {
    const url = String(input instanceof Request ? input.url : input);
    const [, name, file] = /^\/?data\/(\w+)\/([\w.-]+)$/.exec(url) ?? [];
    const path = name ? dataFile(name as DatasetName, file!) : url.startsWith("file:") && new URL(url);
    return path ? new Response(await readFile(path)) : fetch(input, options);
  };
}
