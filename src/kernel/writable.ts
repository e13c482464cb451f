import { derive, replaceOnce } from "./derive.ts";
import type { Kernel } from "./kernel.ts";

/**
 * The kernel with these bindings, which it reads, declared `read_write`; of its text only those lines differ. Throws
 * ShaderError for a text that does not declare them so.
 */
export const writable = (kernel: Kernel, names: readonly string[]): Kernel =>
  derive(kernel, `writable_${names.join("_")}`, () => ({
    wgsl: names.reduce(
      (wgsl, name) =>
        replaceOnce(kernel, wgsl, `var<storage, read> ${name}:`, `var<storage, read_write> ${name}:`),
      kernel.wgsl,
    ),
    bindings: kernel.bindings.map((binding) =>
      names.includes(binding.name) ? { ...binding, access: "read_write" } : binding,
    ),
  }));
