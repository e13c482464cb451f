/** The numbers that kernels read from uniforms, packed as WGSL lays them out. */
import type { Kernel } from "./kernel.ts";

/** Offsets of a WGSL struct's fields, bytes; generated into `src/kernel/constants.gen.ts`. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<
    Record<string, { readonly offset: number; readonly type: "f32" | "i32" | "u32" }>
  >;
}

/** One number per field of a struct. */
export type StructValues<S extends StructLayout> = { readonly [F in keyof S["fields"]]: number };

/** Writes a struct to the start of `view`, as the GPU reads it. */
export function packStruct<S extends StructLayout>(layout: S, values: StructValues<S>, view: DataView): void {
  for (const [name, { offset, type }] of Object.entries(layout.fields)) {
    const value = values[name]!;
    if (type === "f32") view.setFloat32(offset, value, true);
    else if (type === "i32") view.setInt32(offset, value, true);
    else view.setUint32(offset, value, true);
  }
}

/** The constants of a launch that are compiled into its pipeline: the overrides. */
export function compiledConstants(
  kernel: Kernel,
  constants: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(constants).filter(([name]) => name in kernel.constants));
}

/** Size of a kernel's `args` uniform, bytes; 0 if it has none. */
export const argsBytes = ({ args }: Kernel): number => 4 * Object.keys(args).length;

/** What belongs to each binding of a kernel, with `args` in the place of that uniform. */
export const withArgs = <T>({ argsAt, bindings }: Kernel, given: readonly T[], args: T): readonly T[] =>
  given.toSpliced(argsAt ?? bindings.length, 0, args);

/** Writes a kernel's `args` uniform to the start of `view`. */
export function packArgs(
  { args }: Kernel,
  constants: Readonly<Record<string, number>>,
  view: DataView,
): void {
  Object.entries(args).forEach(([name, type], i) => {
    if (type === "f32") view.setFloat32(4 * i, constants[name]!, true);
    // The bits of a negative i32 too.
    else view.setUint32(4 * i, constants[name]!, true);
  });
}
