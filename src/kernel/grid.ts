import type { Kernel } from "./kernel.ts";

/**
 * Workgroups for `invocations` threads of `kernel`, folded into two dimensions where they exceed the limit of
 * 65,535 in one; `linear_id` in `shaders/lib/core/index.wgsl` unfolds them.
 */
export function grid(invocations: number, kernel: Kernel): [number, number, number] {
  const [x, y, z] = kernel.workgroupSize;
  return fold(Math.ceil(invocations / (x * y * z)));
}

/** Folds `groups` workgroups the same way. */
export function fold(groups: number): [number, number, number] {
  const rows = Math.ceil(groups / 65535);
  return [Math.ceil(groups / rows), rows, 1];
}
