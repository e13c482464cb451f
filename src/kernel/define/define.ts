import { ShaderError } from "../../base/errors.ts";
import type { DefinedKernel } from "./declared.ts";
import { readEntryPoints } from "./read.ts";

/**
 * A kernel of your own: its WGSL with one entry point, whose name is the kernel's. Write the text in place, or
 * `as const`, and TypeScript knows the names of its bindings and constants.
 *
 * - `@group(0)`: storage buffers from `@binding(0)` on, inputs first. An op binds tensors to them by their names.
 * - `override` constants are compiled into a pipeline, one for each set of values; the fields of the uniform `args`, a
 *   struct of `f32`, `u32` and `i32` that comes last, are written for each launch.
 * - Live scalars are `var<uniform> live` at `@group(1) @binding(0)`, of a struct
 *   `{ step: u32, seed: u32, learning_rate: f32, first: u32, share: f32 }`.
 * - Mixed precision: a binding `x` may hold f16 if its elements have a type named after it, `alias x4 = vec4f;` (or
 *   `alias x1 = f32;`) and `x: array<x4>`, which loads widen by `vec4f(x[i])` and stores narrow by `x[i] = x4(…)`.
 *
 * Throws ShaderError with the line for anything else; what the device's compiler refuses is a ShaderError with the line
 * where the kernel is prepared or a session opened.
 */
export function defineKernel<const W extends string>(wgsl: W): DefinedKernel<W> {
  const [entry, ...more] = readEntryPoints(/@compute[\s\S]*?\bfn\s+(\w+)/.exec(wgsl)?.[1] ?? "kernel", wgsl);
  if (!entry || more.length > 0) {
    const found = [entry, ...more].flatMap((each) => each?.entryPoint ?? []);
    throw new ShaderError(
      `defineKernel: the text must have one entry point, @compute @workgroup_size(…) fn NAME(…) — found ${found.join(", ") || "none"}`,
    );
  }
  return { name: entry.entryPoint, wgsl, sources: [], ...entry } as unknown as DefinedKernel<W>;
}
