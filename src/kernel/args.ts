/** The numbers that kernels read from uniforms, packed as WGSL lays them out. */
import type { Kernel } from "./kernel.ts";

/** Where the fields of a WGSL struct lie, bytes; `src/kernel/constants.gen.ts` has them. */
export interface StructLayout {
  readonly size: number;
  readonly fields: Readonly<
    Record<string, { readonly offset: number; readonly type: "f32" | "i32" | "u32" }>
  >;
}

/** A number for each field of a struct. */
export type StructValues<S extends StructLayout> = { readonly [F in keyof S["fields"]]: number };

/** Writes the fields of a struct, as the GPU reads them, to the beginning of `view`. */
export function packStruct<S extends StructLayout>(layout: S, values: StructValues<S>, view: DataView): void {
  for (const [name, { offset, type }] of Object.entries(layout.fields)) {
    const value = values[name]!;
    if (type === "f32") view.setFloat32(offset, value, true);
    else if (type === "i32") view.setInt32(offset, value, true);
    else view.setUint32(offset, value, true);
  }
}

/** Those of a launch's constants for which a pipeline is compiled. */
export function compiledConstants(
  kernel: Kernel,
  constants: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(constants).filter(([name]) => name in kernel.constants));
}

/** Bytes of the uniform `args` of a kernel; 0 where it has none. */
export const argsBytes = ({ args }: Kernel): number => 4 * Object.keys(args).length;

/** Writes the uniform `args` of a kernel to the beginning of `view`. */
export function packArgs(
  { args }: Kernel,
  constants: Readonly<Record<string, number>>,
  view: DataView,
): void {
  Object.entries(args).forEach(([name, type], i) => {
    if (type === "f32") view.setFloat32(4 * i, constants[name]!, true);
    else view.setUint32(4 * i, constants[name]!, true);
  });
}
