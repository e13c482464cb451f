/** A binding of `@group(0)`, in binding order. */
export interface KernelBinding {
  readonly name: string;
  readonly access: "read" | "read_write";
  /** WGSL type of one element: `vec4f`, `f32`, `u32`, … */
  readonly element: string;
  /** The name that `wgsl` has for it, where it may be f16 instead; see `src/kernel/half.ts`. */
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
  /** Optional features of WebGPU that the device must have been requested with, mostly none. */
  readonly features: readonly string[];
  /** Whether it reads the live scalars at `@group(1) @binding(0)`. */
  readonly live: boolean;
  /** `override` constants, for which a pipeline is compiled; `true` where the shader gives no default. */
  readonly constants: Readonly<Record<string, boolean>>;
  /**
   * Constants that are fields of the uniform `args`, the last binding of `@group(0)`, in their order: one pipeline
   * serves all their values. None where the shader has no such uniform.
   */
  readonly args: Readonly<Record<string, "f32" | "u32">>;
  readonly workgroupSize: readonly [number, number, number];
}

/** One of several kernels that compute the same, linked from one file with other snippets in its slots. */
export interface KernelVariant extends Kernel {
  /** What fills its slots, joined: `8x16_quad_nested` tells it from the others of its file. */
  readonly variant: string;
  /** What fills its slots: `{ tile: "8x16", share: "quad", walk: "nested" }`; `shaders/lib/README.md` lists all. */
  readonly slots: Readonly<Record<string, string>>;
  /** Whole-number constants of the snippets in its slots: `{ TILE_ROWS: 8, … }`. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** What a kernel is to be launched on, by binding name: tensors in a graph, buffers in someone's own app. */
export type KernelBindings<K extends Kernel, T> = { readonly [B in K["bindings"][number]["name"]]: T };

/** The constants a kernel is to be launched with, of its pipeline and its args: those without a default are required. */
export type KernelConstants<K extends Kernel> = {
  readonly [C in keyof K["constants"] as K["constants"][C] extends true ? C : never]: number;
} & { readonly [C in keyof K["constants"] as K["constants"][C] extends true ? never : C]?: number } & {
  readonly [C in keyof K["args"]]: number;
};
