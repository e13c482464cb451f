/** Kernels that run in subgroups of a given size, derived from those for which the driver chooses. */
import { derive, replaceOnce } from "./derive.ts";
import type { Kernel } from "./kernel.ts";

/** `kernel` in subgroups of `size`, which the device must allow; `kernel` itself without one. */
export function withSubgroupSize<K extends Kernel>(kernel: K, size: number | undefined): K {
  if (!size) return kernel;
  return derive(kernel, `subgroups_${size}`, () => {
    const wgsl = replaceOnce(kernel, kernel.wgsl, "@compute ", `@compute @subgroup_size(${size}) `);
    return {
      wgsl: `enable subgroups;enable subgroup_size_control;${wgsl}`,
      features: [...new Set([...kernel.features, "subgroups", "subgroup-size-control"])],
    };
  });
}
