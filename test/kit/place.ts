import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Gpu } from "../../src/cli/engine/vulkan.ts";

/** Where a command writes, and on what it runs. */
export interface Place {
  readonly folder: string;
  readonly gpu: Gpu;
  /** The engine, the adapter and the CPU, for display. */
  readonly description: string;
}

export function write(folder: string, name: string, content: string): void {
  writeFileSync(join(folder, name), `${content}\n`);
}
