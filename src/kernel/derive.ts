import { ShaderError } from "../base/errors.ts";
import type { Kernel } from "./kernel.ts";

const known = new WeakMap<Kernel, Map<string, Kernel>>();

/**
 * The kernel `<name>_<suffix>`, which differs from `kernel` by what `change` returns. It is made once, so that its
 * pipeline is compiled once.
 */
export function derive(kernel: Kernel, suffix: string, change: () => Omit<Partial<Kernel>, "name">): Kernel {
  const variants = known.get(kernel) ?? new Map<string, Kernel>();
  known.set(kernel, variants);
  let variant = variants.get(suffix);
  if (!variant) {
    variant = { ...kernel, ...change(), name: `${kernel.name}_${suffix}` };
    variants.set(suffix, variant);
  }
  return variant;
}

/** A kernel's text with `before`, which must be there once, replaced by `after`. Throws ShaderError where it is not. */
export function replaceOnce({ name }: Kernel, wgsl: string, before: string, after: string): string {
  const parts = wgsl.split(before);
  if (parts.length === 2) return parts.join(after);
  throw new ShaderError(
    `${name}: "${before}" is to be replaced once, and is there ${parts.length - 1} times`,
  );
}
