import { derive } from "../graph/derive.ts";
import type { Dispatch } from "../graph/op.ts";
import type { Kernel } from "../kernel.ts";
import type { MemoryPlan } from "./memory.ts";

/**
 * The dispatch as WebGPU takes it where tensors that it reads lie on a slab with tensors that it writes: they are bound
 * to be written as well, though the kernel only reads them. Their ranges do not overlap, for all are alive.
 */
export function shareSlabs(dispatch: Dispatch, { placements }: MemoryPlan): Dispatch {
  const { kernel, bindings } = dispatch;
  const slabOf = (name: string): number | undefined => placements.get(bindings[name]!.storage)?.slab;
  const written = new Set(
    kernel.bindings.flatMap(({ name, access }) => (access === "read" ? [] : [slabOf(name)])),
  );
  const names = kernel.bindings.flatMap(({ name, access }) =>
    access === "read" && slabOf(name) !== undefined && written.has(slabOf(name)) ? [name] : [],
  );
  return names.length > 0 ? { ...dispatch, kernel: writable(kernel, names) } : dispatch;
}

/** The kernel with these bindings, which it reads, declared `read_write`; of its text only those lines differ. */
const writable = (kernel: Kernel, names: readonly string[]): Kernel =>
  derive(kernel, `writable_${names.join("_")}`, () => ({
    wgsl: names.reduce(
      (wgsl, name) => wgsl.replace(`var<storage, read> ${name}:`, `var<storage, read_write> ${name}:`),
      kernel.wgsl,
    ),
    bindings: kernel.bindings.map((binding) =>
      names.includes(binding.name) ? { ...binding, access: "read_write" } : binding,
    ),
  }));
