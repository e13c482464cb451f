import { derive } from "./derive.ts";
import type { Kernel } from "./kernel.ts";

/** The kernel with these bindings, which it reads, declared `read_write`; of its text only those lines differ. */
export const writable = (kernel: Kernel, names: readonly string[]): Kernel =>
  derive(kernel, `writable_${names.join("_")}`, () => ({
    wgsl: names.reduce(
      (wgsl, name) => wgsl.replace(`var<storage, read> ${name}:`, `var<storage, read_write> ${name}:`),
      kernel.wgsl,
    ),
    bindings: kernel.bindings.map((binding) =>
      names.includes(binding.name) ? { ...binding, access: "read_write" } : binding,
    ),
  }));
