/** A binding of `@group(0)`, in binding order. */
export interface KernelBinding {
  readonly name: string;
  readonly access: "read" | "read_write";
  /** WGSL type of one element: `vec4f`, `f32`, `u32`, … */
  readonly element: string;
  /** The alias of this type in `wgsl`, if it may be f16 instead; see `src/kernel/half.ts`. */
  readonly alias?: string;
}

/**
 * One entry point of one WGSL text, with the interface read from that: a linked shader, as `shaders/generate.ts` writes
 * it down, or a text of an app's own (`defineKernel`).
 */
export interface Kernel {
  readonly name: string;
  readonly entryPoint: string;
  readonly wgsl: string;
  /** The files that make up `wgsl`: [path under shaders/, first line in `wgsl`], ascending; none for an app's own. */
  readonly sources: readonly (readonly [file: string, firstLine: number])[];
  readonly bindings: readonly KernelBinding[];
  /** Optional WebGPU features that the device must have enabled; usually none. */
  readonly features: readonly string[];
  /** Whether the kernel reads the live scalars at `@group(1) @binding(0)`. */
  readonly live: boolean;
  /** `override` constants, compiled into the pipeline; `true` if the shader gives no default. */
  readonly constants: Readonly<Record<string, boolean>>;
  /**
   * Fields of the `args` uniform in order: one pipeline serves all their values. Empty if the shader has no such uniform.
   */
  readonly args: Readonly<Record<string, "f32" | "u32" | "i32">>;
  /** Number of its binding in `@group(0)`, if that is not the last. */
  readonly argsAt?: number;
  readonly workgroupSize: readonly [number, number, number];
}

/** One of several kernels that compute the same thing, linked from one file with different snippets in its slots. */
export interface KernelVariant extends Kernel {
  /** The values of its slots, joined: `8x16_quad_nested`. Unique within the file. */
  readonly variant: string;
  /** The values of its slots: `{ tile: "8x16", share: "quad", walk: "nested" }`; `shaders/lib/README.md` lists all. */
  readonly slots: Readonly<Record<string, string>>;
  /** Whole-number constants of the snippets in its slots: `{ TILE_ROWS: 8, … }`. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** What a kernel is launched on, by binding name: tensors in a graph, buffers in another app. */
export type KernelBindings<K extends Kernel, T> = { readonly [B in K["bindings"][number]["name"]]: T };

/** The constants of a launch, overrides and args; those without a default are required. */
export type KernelConstants<K extends Kernel> = {
  readonly [C in keyof K["constants"] as K["constants"][C] extends true ? C : never]: number;
} & { readonly [C in keyof K["constants"] as K["constants"][C] extends true ? never : C]?: number } & {
  readonly [C in keyof K["args"]]: number;
};
