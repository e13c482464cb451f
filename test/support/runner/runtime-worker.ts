/** Runs test files in a process of Node or Deno that has WebGPU. */
import { Buffer } from "node:buffer";
import { init, runBaseTests, setupEnvironment } from "vitest/worker";
import { DAWN_FLAGS } from "../../../src/cli/runtime/dawn.ts";
import { installWebGpu } from "../../../src/node/index.ts";
import { fetchFiles } from "./fetch-files.ts";
import { pack, unpack } from "./pack.ts";

// Tests may put others in their places.
const send = process.send!.bind(process);
const on = process.on.bind(process);
const off = process.off.bind(process);
const exit = process.exit.bind(process);

Object.assign(globalThis, { Buffer });
await installWebGpu(DAWN_FLAGS);
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
