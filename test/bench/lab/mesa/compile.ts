import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import webgpu from "webgpu/package.json" with { type: "json" };
import type { Kernel } from "../../../../src/kernel/kernel.ts";
import type { Compiled } from "../compiled.ts";
import type { Changes } from "../kernels.ts";
import { DRIVERS, type Drivers, type MesaVendor } from "./drivers.ts";

const DAWN = fileURLToPath(new URL("dawn.ts", import.meta.url));

/** Compiles kernels for a GPU, in one process. `onKernel` is called with each name as its turn comes. */
export async function compile(
  gpu: string,
  vendor: MesaVendor,
  kernels: readonly Kernel[],
  changes: Changes,
  drivers: Drivers,
  onKernel: (name: string) => void,
): Promise<Compiled> {
  const folder = mkdtempSync(join(tmpdir(), "gpu-lab-"));
  try {
    const icd = join(folder, "icd.json");
    const ICD = { library_path: drivers.nullDriver, api_version: "1.3.230" };
    writeFileSync(icd, JSON.stringify({ file_format_version: "1.0.0", ICD }));
    const names = kernels.map(({ name }) => name);
    const log = join(folder, "log");
    const command = [process.execPath, "--import", "tsx", DAWN, JSON.stringify({ names, changes })];
    const end = await execute(command, log, onKernel, {
      VK_ICD_FILENAMES: icd,
      VK_DRIVER_FILES: icd,
      GPU_LAB_DRIVER: join(drivers.folder, DRIVERS[vendor]),
      MESA_SHADER_CACHE_DISABLE: "true",
      ...environmentOf(gpu, vendor, drivers.shim),
    });
    return read(gpu, readFileSync(log, "utf8"), names, end);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What makes the driver take a GPU that is not there for one that is, and print what it compiles for it. */
function environmentOf(gpu: string, vendor: MesaVendor, shim: string | undefined): Record<string, string> {
  if (vendor === "amd") {
    return { RADV_FORCE_FAMILY: gpu, RADV_DEBUG: "shaders,shaderstats,nocache" };
  }
  return {
    LD_PRELOAD: shim!,
    INTEL_STUB_GPU: "true",
    INTEL_STUB_GPU_PLATFORM: gpu,
    INTEL_DEBUG: "cs",
  };
}

/**
 * Runs a command. Its stderr goes into a file, since drivers lose what they print where nobody reads a pipe at once;
 * each line of its stdout is a kernel. Returns the signal or the status that it ended with.
 */
function execute(
  [command, ...args]: readonly string[],
  log: string,
  onKernel: (name: string) => void,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const fd = openSync(log, "w");
    const child = spawn(command!, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", fd] });
    closeSync(fd);
    createInterface({ input: child.stdout! }).on("line", onKernel);
    child.on("error", reject).on("close", (code, signal) => resolve(`${signal ?? code}`));
  });
}

function read(gpu: string, text: string, names: readonly string[], end: string): Compiled {
  const adapter = /^@@ADAPTER (.*)$/m.exec(text)?.[1];
  if (!adapter) throw new Error(`${gpu}: Dawn did not start (${end}) — ${text.trim().slice(-1000)}`);
  const listings = new Map<string, string>();
  const failures: string[] = [];
  for (const name of names) {
    const [, listing] = new RegExp(`@@BEGIN ${name}\n([^]*?)@@END`).exec(text) ?? [];
    if (listing === undefined) {
      const left = names.length - listings.size - failures.length;
      failures.push(`${gpu}: ${name}: the compiler died (${end}), with ${left} kernels left`);
      break;
    }
    const error = /^@@ERROR (.*)$/m.exec(listing)?.[1];
    if (error) failures.push(`${gpu}: ${name}: ${error}`);
    else listings.set(name, listing);
  }
  const mesa = /Mesa (\d+\.\d+\.\d+)/.exec(adapter)?.[1] ?? adapter;
  return { listings, failures, versions: { mesa, dawn: `webgpu ${webgpu.version}` } };
}
