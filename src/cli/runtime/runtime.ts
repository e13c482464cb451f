import { type ChildProcess, fork } from "node:child_process";
import { tmpdir } from "node:os";
import { DeviceError } from "../../base/errors.ts";
import type { AdapterDescription } from "../engine/adapter.ts";
import type { RuntimeEngine } from "../engine/engines.ts";
import { type Gpu, softwareVulkan, withBestGpu } from "../engine/vulkan.ts";
import { MAIN } from "../resources.ts";
import { Child } from "./child.ts";
import { findDeno } from "./find-deno.ts";

/** Node or Deno with a WebGPU adapter. */
export interface GpuRuntime {
  readonly gpu: Gpu;
  /** The runtime and the adapter, for display: `Node/20.20.2, hardware GPU: nvidia ampere`. */
  readonly description: string;
  /** Starts a process for a script that takes and sends messages, as JSON; `installWebGpu` gives it the adapter. */
  start(script: string): ChildProcess;
}

/**
 * Finds a runtime and asks it for its adapter: the one that `gpu` names, by default the real GPU if there is one and a
 * software adapter otherwise. Throws DeviceError if there is no runtime or no adapter.
 */
export async function launchRuntime(engine: RuntimeEngine, gpu?: Gpu): Promise<GpuRuntime> {
  const executable = engine === "node" ? process.execPath : findDeno();
  const launch = (gpu: Gpu): Promise<GpuRuntime> => probe(engine, executable, gpu);
  return gpu ? launch(gpu) : withBestGpu(launch);
}

async function probe(engine: RuntimeEngine, executable: string, gpu: Gpu): Promise<GpuRuntime> {
  const env = {
    ...process.env,
    // Mesa complains without it.
    XDG_RUNTIME_DIR: process.env.XDG_RUNTIME_DIR ?? tmpdir(),
    ...(gpu === "software" && (await softwareVulkan(engine))),
  };
  const start = (script: string): ChildProcess =>
    fork(script, [], {
      ...{ env, execPath: executable, execArgv: argumentsOf(engine, script) },
      // What a script prints must not get between the events of --json.
      stdio: ["ignore", 2, 2, "ipc"],
      // Ctrl-C is for the command line, which then tells the script to stop.
      detached: true,
    });
  const child = new Child(start(MAIN));
  try {
    const { version, adapter } = (await Promise.race([child.call("describe"), child.died])) as Description;
    if (!adapter) {
      throw new DeviceError(
        `launchRuntime: ${executable} has no WebGPU adapter — ${gpu} GPU, ${process.platform}; install a Vulkan ` +
          "driver (Debian: chromium, whose SwiftShader Node takes, or mesa-vulkan-drivers)",
      );
    }
    const actual = adapter.software ? "software" : gpu;
    return { gpu: actual, description: `${version}, ${actual} GPU: ${adapter.name}`, start };
  } finally {
    child.close();
  }
}

/** What `describe` in main.ts tells. */
export interface Description {
  readonly version: string;
  readonly adapter: AdapterDescription | null;
}

function argumentsOf(engine: RuntimeEngine, script: string): string[] {
  if (engine === "deno") return ["run", "--allow-all", "--no-lock", "--quiet"];
  return script.endsWith(".ts") ? ["--import", "tsx"] : [];
}
