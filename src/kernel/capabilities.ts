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
  /** Names the variant that measured best for a task, if one is known; see `src/ops/tunable.ts`. */
  readonly tuned?: (task: Task) => string | undefined;
}

/** Whether the device is a CPU: it says so, or its subgroups are as small as a CPU's vectors. */
export function isCpu({ software, subgroupMaxSize }: Capabilities): boolean {
  return software === true || (subgroupMaxSize !== undefined && subgroupMaxSize <= 8);
}

/** What tells the tasks of one pass apart: extents, strides and the like, in the op's order. */
export type TaskKey = Readonly<Record<string, number>>;

/** A computation that there are several ways for: a pass of an op. `src/ops/tunable.ts` makes them. */
export interface Task {
  readonly op: string;
  readonly pass: string;
  readonly key: TaskKey;
  /** Of the activations and their gradients. Default f32. */
  readonly dtype?: "f16";
}
