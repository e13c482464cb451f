import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Drivers } from "./drivers.ts";
import { DRIVERS, environmentOf, vendorOf } from "./gpus.ts";
import type { Job } from "./kernels.ts";

const DAWN = fileURLToPath(new URL("dawn.ts", import.meta.url));

export interface Compiled {
  /** What the driver printed of each kernel, by name. */
  readonly listings: ReadonlyMap<string, string>;
  /** What went wrong, one line each. */
  readonly failures: readonly string[];
  /** The driver's version of Mesa. */
  readonly mesa: string;
}

/** Compiles `jobs` for a GPU, in one process. `onKernel` is called with each name as its turn comes. */
export async function compile(
  gpu: string,
  jobs: readonly Job[],
  drivers: Drivers,
  onKernel: (name: string) => void,
): Promise<Compiled> {
  const folder = mkdtempSync(join(tmpdir(), "gpu-lab-"));
  try {
    const icd = join(folder, "icd.json");
    const ICD = { library_path: drivers.nullDriver, api_version: "1.3.230" };
    writeFileSync(icd, JSON.stringify({ file_format_version: "1.0.0", ICD }));
    const file = join(folder, "jobs.json");
    writeFileSync(file, JSON.stringify(jobs));
    const log = join(folder, "log");
    const end = await execute([process.execPath, "--import", "tsx", DAWN, file], log, onKernel, {
      VK_ICD_FILENAMES: icd,
      VK_DRIVER_FILES: icd,
      GPU_LAB_DRIVER: join(drivers.folder, DRIVERS[vendorOf(gpu)]),
      MESA_SHADER_CACHE_DISABLE: "true",
      ...environmentOf(gpu, drivers.shim),
    });
    return read(gpu, readFileSync(log, "utf8"), jobs, end);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
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

function read(gpu: string, text: string, jobs: readonly Job[], end: string): Compiled {
  const adapter = /^@@ADAPTER (.*)$/m.exec(text)?.[1];
  if (!adapter) throw new Error(`${gpu}: Dawn did not start (${end}) — ${text.trim().slice(-1000)}`);
  const listings = new Map<string, string>();
  const failures: string[] = [];
  for (const { name } of jobs) {
    const [, listing] = new RegExp(`@@BEGIN ${name}\n([^]*?)@@END`).exec(text) ?? [];
    if (listing === undefined) {
      const left = jobs.length - listings.size - failures.length;
      failures.push(`${gpu}: ${name}: the compiler died (${end}), with ${left} kernels left`);
      break;
    }
    const error = /^@@ERROR (.*)$/m.exec(listing)?.[1];
    if (error) failures.push(`${gpu}: ${name}: ${error}`);
    else listings.set(name, listing);
  }
  return { listings, failures, mesa: /Mesa (\d+\.\d+\.\d+)/.exec(adapter)?.[1] ?? adapter };
}
