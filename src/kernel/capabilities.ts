import type { Geometry } from "../base/window.ts";

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
  /** Names the variant that measured best for a task, if one is known; see `src/ops/conv/variants.ts`. */
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
