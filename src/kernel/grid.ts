import type { Kernel } from "./kernel.ts";

/**
 * Workgroups for `invocations` threads of `kernel`, folded into two dimensions where one dimension's
 * 65,535 would not do; `linear_id` in `shaders/lib/core/index.wgsl` unfolds them.
 */
export function grid(invocations: number, kernel: Kernel): [number, number, number] {
  const [x, y, z] = kernel.workgroupSize;
  return fold(Math.ceil(invocations / (x * y * z)));
}

/** `groups` workgroups folded likewise. */
export function fold(groups: number): [number, number, number] {
  const rows = Math.ceil(groups / 65535);
  return [Math.ceil(groups / rows), rows, 1];
}
