import type { Task } from "./cases.ts";
import type { ModelledStep } from "./model/model.ts";
import type { Spread } from "./statistics.ts";

/** The contents of `bench.json`. Parts that were not requested are missing. */
export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  /** Browser, version and kind of adapter, for display. */
  readonly browser: string;
  readonly adapter: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: {
    readonly platform: string;
    readonly cpu: string;
    readonly cores: number;
    /** Load average over a minute, before and after. */
    readonly load: readonly [before: number, after: number];
  };
  readonly ceilings?: readonly Ceiling[];
  readonly kernels?: readonly KernelResult[];
  readonly host?: HostResult;
  readonly peers?: readonly PeerResult[];
  readonly cold?: readonly ColdResult[];
  readonly sizes?: readonly SizeResult[];
  /** Not measured: what a step would take on other GPUs. */
  readonly model?: readonly ModelledStep[];
  /** What could not be measured, and why. */
  readonly failures: readonly string[];
}

/** The most that the adapter can do, measured by programs that do nothing else. */
export interface Ceiling extends Spread {
  readonly name: string;
  readonly unit: "GFLOPS" | "GB/s" | "G loads/s" | "µs";
  /** At the median time. */
  readonly value: number;
}

/** A pass of an op on one shape. */
export interface KernelResult extends Spread {
  /** `conv2d forward`. */
  readonly name: string;
  /** `1×56×56×64 → 64, 3×3`. */
  readonly shape: string;
  /** The networks that have it. */
  readonly networks: readonly string[];
  /** The kernels that it launches. */
  readonly launches: readonly string[];
  /** For work bound by arithmetic; for other work, `gbps`. */
  readonly gflops?: number;
  readonly gbps?: number;
  /** The shortest time that the ceilings allow, divided by the median time. */
  readonly shareOfCeiling: number;
  /** Name of the ceiling that sets the shortest time. */
  readonly ceiling: string;
}

/** The CPU's work for a training step. */
export interface HostResult extends Spread {
  readonly name: string;
  /** Launches of a step. */
  readonly dispatches: number;
}

/** The library and its peers on one network. */
export interface PeerResult {
  /** As for `--only`. */
  readonly name: string;
  readonly network: string;
  readonly batch: number;
  readonly task: Task;
  /** By `webgraft` or the name of a file in peers/. */
  readonly contestants: Readonly<Record<string, ContestantResult>>;
}

/** Without a spread if only the first run was requested. */
export interface ContestantResult extends Partial<Spread> {
  /** Name and version. */
  readonly name: string;
  readonly samples?: number;
  /** From opening the device to the result of the first run. Earlier contestants have warmed the browser up. */
  readonly firstMs: number;
  /** The most bytes of GPU buffers alive at once. */
  readonly gpuBytes: number;
}

/** From opening the device to the end of the first training step, in a page without other contestants. */
export interface ColdResult {
  readonly name: string;
  /** In a browser that has just started, with an empty profile. */
  readonly coldMs: number;
  /** In a new page of the same browser. */
  readonly warmMs: number;
}

/** A minimal training app, bundled and minified. */
export interface SizeResult {
  readonly name: string;
  readonly bytes: number;
  readonly gzipBytes: number;
}
