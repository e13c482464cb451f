/** Kernels for f16 in memory, derived from those for f32: only loads and stores differ. */
import { ShapeError } from "../base/errors.ts";
import { derive, replaceOnce } from "./derive.ts";
import type { Kernel, KernelBinding } from "./kernel.ts";

/**
 * The kernel with f16 in the memory of these bindings: what it loads is widened, what it stores is rounded, and all
 * arithmetic stays f32. The kernel itself where there are none. Throws ShapeError for a binding that holds no
 * activations, and ShaderError for a text without the lines below.
 *
 * In the text of a kernel the elements of such a binding have a type of their own, `alias x4 = vec4f;`, by which each
 * store is converted as each load is by `vec4f`. Here it becomes `alias x4 = vec4<f16>;` and nothing else changes, so
 * that lines stay lines.
 */
export function withHalf(kernel: Kernel, names: readonly string[]): Kernel {
  if (names.length === 0) return kernel;
  return derive(kernel, `half_${names.join("_")}`, () => {
    let { wgsl } = kernel;
    const bindings = kernel.bindings.map((binding): KernelBinding => {
      const { name, alias, element } = binding;
      if (!names.includes(name)) return binding;
      if (!alias) throw new ShapeError(kernel.name, "takes no f16", name);
      const narrow = element === "f32" ? "f16" : "vec4<f16>";
      wgsl = replaceOnce(kernel, wgsl, `alias ${alias} = ${element};`, `alias ${alias} = ${narrow};`);
      return { ...binding, element: narrow };
    });
    return { wgsl: `enable f16;${wgsl}`, bindings, features: [...kernel.features, "shader-f16"] };
  });
}

/** The bindings of a kernel that may hold f16. */
export const halfBindings = (kernel: Kernel): readonly string[] =>
  kernel.bindings.flatMap(({ name, alias }) => (alias ? [name] : []));
