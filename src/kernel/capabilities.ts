import type { Kernel } from "./kernel.ts";

/** What an op may rely on when it chooses kernels. */
export interface Capabilities {
  /** Optional features enabled on the device. */
  readonly features: readonly string[];
  /** The adapter's, in WebGPU's words: `nvidia`, `ampere`; missing where the browser does not name it. */
  readonly vendor?: string;
  readonly architecture?: string;
  /** Smallest and largest subgroup size, invocations; missing if unknown. */
  readonly subgroupMinSize?: number;
  readonly subgroupMaxSize?: number;
  /** What kernels of register tiles ask for, where the size that the driver would choose takes their registers away. */
  readonly subgroupSize?: number;
  /** Matrix units that kernels may use, the best first. */
  readonly matrixUnits?: readonly MatrixUnits[];
  /** Whether a CPU emulates the GPU: no fast workgroup memory, expensive barriers, few threads. */
  readonly software?: boolean;
  /** The type activations are stored as, if not f32. */
  readonly activations?: "f16";
  /** The name of the variant that measured fastest for a task, if known; see `src/ops/tunable.ts`. */
  readonly tuned?: (task: Task) => string | undefined;
  /** Whether a variant may be used: not if it computed a wrong result on this device, or crashed it. Default all may. */
  readonly allows?: (task: Task, variant: string) => boolean;
}

/** Units of a GPU that multiply matrices, with sums in f32. */
export interface MatrixUnits {
  /** What they multiply. */
  readonly element: "f32" | "f16";
  /** `kernel`, of `tile_4x8`, `share_workgroup` and `group_16x8`, by these units of the device. */
  by<K extends Kernel>(kernel: K, device: Capabilities): K;
}

/** What a device needs for them: an experiment of Chrome's. */
export const MATRIX_FEATURE = "chromium-experimental-subgroup-matrix";

/**
 * Whether the device is a CPU. Its adapter says so; small subgroups do not, for there are GPUs of 8 lanes too, such as
 * Arm's Mali.
 */
export const isCpu = ({ software }: Capabilities): boolean => software === true;

/** Distinguishes the tasks of one pass: extents, strides and so on, in the op's order. */
export type TaskKey = Readonly<Record<string, number>>;

/** A pass of an op that can be computed in several ways; made by `src/ops/tunable.ts`. */
export interface Task {
  readonly op: string;
  readonly pass: string;
  readonly key: TaskKey;
  /** Type of the activations and their gradients. Default f32. */
  readonly dtype?: "f16";
}
