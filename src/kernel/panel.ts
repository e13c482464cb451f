/** Kernels that fill the panels of `lib/share/share_workgroup.wgsl` in another way, derived from the ones that are shipped. */
import { derive, replaceOnce } from "./derive.ts";
import type { Kernel } from "./kernel.ts";

/** `kernel` loading what it needs of the next panel before it sums up the present one: the same results to the bit. */
export const withPanelAhead = <K extends Kernel>(kernel: K): K =>
  derive(kernel, "ahead", () => ({
    wgsl: replaceOnce(kernel, kernel.wgsl, "const AHEAD = false;", "const AHEAD = true;"),
  }));

/**
 * `kernel` with f16 in its panels: half the workgroup memory, and half of what is read from it. Operands are rounded to
 * 11 bits, and must be below 65,520; sums stay f32.
 */
export const withHalfPanel = <K extends Kernel>(kernel: K): K =>
  derive(kernel, "half_panel", () => ({
    wgsl: `enable f16;${replaceOnce(kernel, kernel.wgsl, "alias panel4 = vec4f;", "alias panel4 = vec4<f16>;")}`,
    features: [...kernel.features, "shader-f16"],
  }));
