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

const derived = new WeakMap<Kernel, Map<string, Kernel>>();

/** The kernel with these bindings, which it reads, declared `read_write`; of its text only those lines differ. */
function writable(kernel: Kernel, names: readonly string[]): Kernel {
  const variants = derived.get(kernel) ?? new Map<string, Kernel>();
  derived.set(kernel, variants);
  const key = names.join("_");
  const known = variants.get(key);
  if (known) return known;
  const variant: Kernel = {
    ...kernel,
    name: `${kernel.name}_writable_${key}`,
    wgsl: names.reduce(
      (wgsl, name) => wgsl.replace(`var<storage, read> ${name}:`, `var<storage, read_write> ${name}:`),
      kernel.wgsl,
    ),
    bindings: kernel.bindings.map((binding) =>
      names.includes(binding.name) ? { ...binding, access: "read_write" } : binding,
    ),
  };
  variants.set(key, variant);
  return variant;
}
