import type { Geometry } from "./shape.ts";

/** A binding of `@group(0)`, in binding order. */
export interface KernelBinding {
  readonly name: string;
  readonly access: "read" | "read_write";
  /** WGSL type of one element: `vec4f`, `f32`, `u32`, … */
  readonly element: string;
  /** The name that `wgsl` has for it, where it may be f16 instead; see `src/graph/half.ts`. */
  readonly alias?: string;
}

/**
 * One entry point of one linked shader, as `shaders/generate.ts` describes it: the text that is validated,
 * run and shipped, and its interface read from that text.
 */
export interface Kernel {
  readonly name: string;
  readonly entryPoint: string;
  readonly wgsl: string;
  /** The files that make up `wgsl`: [path under shaders/, first line in `wgsl`], ascending. */
  readonly sources: readonly (readonly [file: string, firstLine: number])[];
  readonly bindings: readonly KernelBinding[];
  /** Optional features that the device must have been requested with: `["subgroups"]` or none. */
  readonly features: readonly string[];
  /** Whether it reads the live scalars at `@group(1) @binding(0)`. */
  readonly live: boolean;
  /** `override` constants, for which a pipeline is compiled; `true` where the shader gives no default. */
  readonly constants: Readonly<Record<string, boolean>>;
  /**
   * Constants that are fields of the uniform `shape`, the last binding of `@group(0)`, in their order: one pipeline
   * serves all their values. None where the shader has no such uniform.
   */
  readonly shape: Readonly<Record<string, "f32" | "u32">>;
  readonly workgroupSize: readonly [number, number, number];
}

/** What an op may count on when it chooses kernels. */
export interface Capabilities {
  /** Optional features that the device was requested with. */
  readonly features: readonly string[];
  /** The most invocations of a subgroup; unknown where it is missing. */
  readonly subgroupMaxSize?: number;
  /** Whether it is a CPU that emulates a GPU: no fast workgroup memory, dear barriers, few threads. */
  readonly software?: boolean;
  /** What a graph stores its activations as, where that is not f32. */
  readonly activations?: "f16";
  /** Names the variant that measured best for a task, if one is known; see `src/ops/variants.ts`. */
  readonly tuned?: (task: Task) => string | undefined;
}

/** Whether the device is a CPU: it says so, or its subgroups are as small as a CPU's vectors. */
export function isCpu({ software, subgroupMaxSize }: Capabilities): boolean {
  return software === true || (subgroupMaxSize !== undefined && subgroupMaxSize <= 8);
}

/** A computation that is worth measuring: one pass of a convolution, or of a dense layer as a 1×1 convolution. */
export interface Task {
  readonly pass: "forward" | "grad_input" | "grad_weight";
  readonly geometry: Geometry;
  /** Of the activations and their gradients. Default f32. */
  readonly dtype?: "f16";
}

/** What a kernel is to be launched on, by binding name: tensors in a graph, buffers in someone's own app. */
export type KernelBindings<K extends Kernel, T> = { readonly [B in K["bindings"][number]["name"]]: T };

/** The constants a kernel is to be launched with, of its pipeline and of its shape: those without a default are required. */
export type KernelConstants<K extends Kernel> = {
  readonly [C in keyof K["constants"] as K["constants"][C] extends true ? C : never]: number;
} & { readonly [C in keyof K["constants"] as K["constants"][C] extends true ? never : C]?: number } & {
  readonly [C in keyof K["shape"]]: number;
};

/**
 * Workgroups for `invocations` threads of `kernel`, folded into two dimensions where one dimension's
 * 65,535 would not do; `linear_id` in `shaders/lib/index.wgsl` unfolds them.
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

/** Where the fields of a WGSL struct lie, bytes; `src/structs.gen.ts` has them. */
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

/** Bytes of the uniform `shape` of a kernel; 0 where it has none. */
export const shapeBytes = ({ shape }: Kernel): number => 4 * Object.keys(shape).length;

/** Writes the uniform `shape` of a kernel to the beginning of `view`. */
export function packShape(
  { shape }: Kernel,
  constants: Readonly<Record<string, number>>,
  view: DataView,
): void {
  Object.entries(shape).forEach(([name, type], i) => {
    if (type === "f32") view.setFloat32(4 * i, constants[name]!, true);
    else view.setUint32(4 * i, constants[name]!, true);
  });
}
