import type { Dispatch } from "../graph/op.ts";
import { writable } from "../kernel/writable.ts";
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
