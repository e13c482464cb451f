/** Kernels with f16 in memory, derived from the f32 kernels: only loads and stores differ. */
import { ShapeError } from "../base/errors.ts";
import { derive, replaceOnce } from "./derive.ts";
import type { Kernel, KernelBinding } from "./kernel.ts";

/**
 * `kernel` with f16 in the memory of the named bindings: loads widen, stores round, and all arithmetic stays f32.
 * Returns `kernel` itself if `names` is empty. Throws ShapeError for a binding that cannot be f16, and ShaderError if
 * the text lacks the alias below.
 *
 * The elements of such a binding have a type of their own in the text, `alias x4 = vec4f;`: stores convert with it,
 * loads with `vec4f`. It becomes `alias x4 = vec4<f16>;`. Nothing else changes, so line numbers stay the same.
 */
export function withHalf(kernel: Kernel, names: readonly string[]): Kernel {
  if (names.length === 0) return kernel;
  return derive(kernel, `half_${names.join("_")}`, () => {
    let { wgsl } = kernel;
    const bindings = kernel.bindings.map((binding): KernelBinding => {
      const { name, alias, element } = binding;
      if (!names.includes(name)) return binding;
      if (!alias)
        throw new ShapeError(
          kernel.name,
          "this binding cannot be f16; its elements lack an alias, such as x4 = vec4f",
          name,
        );
      const narrow = element === "f32" ? "f16" : "vec4<f16>";
      wgsl = replaceOnce(kernel, wgsl, `alias ${alias} = ${element};`, `alias ${alias} = ${narrow};`);
      return { ...binding, element: narrow };
    });
    return { wgsl: `enable f16;${wgsl}`, bindings, features: [...kernel.features, "shader-f16"] };
  });
}

/**
 * `kernel` with f16 in its panels (`lib/share/share_workgroup.wgsl`): half the workgroup memory, and half of what is read
 * from it. Operands are rounded to 11 bits, and must be below 65,520; sums stay f32.
 */
export const withHalfPanel = <K extends Kernel>(kernel: K): K =>
  derive(kernel, "half_panel", () => ({
    wgsl: `enable f16;${replaceOnce(kernel, kernel.wgsl, "alias panel4 = vec4f;", "alias panel4 = vec4<f16>;")}`,
    features: [...kernel.features, "shader-f16"],
  }));

/** The bindings of a kernel that may hold f16. */
export const halfBindings = (kernel: Kernel): readonly string[] =>
  kernel.bindings.flatMap(({ name, alias }) => (alias ? [name] : []));
