import { ShaderError } from "../base/errors.ts";
import type { Kernel } from "./kernel.ts";

const known = new WeakMap<Kernel, Map<string, Kernel>>();

/**
 * The kernel `<name>_<suffix>`: `kernel` with the fields that `change` returns. It is made once, so its pipeline is
 * compiled once.
 */
export function derive<K extends Kernel>(
  kernel: K,
  suffix: string,
  change: () => Omit<Partial<Kernel>, "name">,
): K {
  const variants = known.get(kernel) ?? new Map<string, Kernel>();
  known.set(kernel, variants);
  let variant = variants.get(suffix);
  if (!variant) {
    variant = { ...kernel, ...change(), name: `${kernel.name}_${suffix}` };
    variants.set(suffix, variant);
  }
  return variant as K; // No change is of what else a K has.
}

/**
 * `wgsl` with `before` replaced by `after`; the text may lack blanks that `before` has, as the library's own do. Throws
 * ShaderError unless `before` occurs exactly once.
 */
export function replaceOnce({ name }: Kernel, wgsl: string, before: string, after: string): string {
  const parts = wgsl.split(new RegExp(before.replace(/\W/g, (char) => (char === " " ? " ?" : `\\${char}`))));
  if (parts.length === 2) return parts.join(after);
  throw new ShaderError(
    `${name}: "${before}" must occur exactly once to be replaced — found ${parts.length - 1} times`,
  );
}
