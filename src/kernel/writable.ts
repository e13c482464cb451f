import { derive, replaceOnce } from "./derive.ts";
import type { Kernel } from "./kernel.ts";

/**
 * `kernel` with the named read-only bindings declared `read_write`; nothing else in its text changes. Throws
 * ShaderError if one of them is not declared `read`.
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
