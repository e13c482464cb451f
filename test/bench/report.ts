import type { Spread } from "./statistics.ts";

/** What `bench.json` holds. Parts that were not asked for are missing. */
export interface Report {
  /** ISO 8601. */
  readonly date: string;
  readonly command: string;
  /** Browser and version, and the adapter's kind, for people. */
  readonly browser: string;
  readonly adapter: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: {
    readonly platform: string;
    readonly cpu: string;
    readonly cores: number;
    /** Processes that wanted to run, on average over a minute, before and after. */
    readonly load: readonly [before: number, after: number];
  };
  ceilings?: readonly Ceiling[];
  kernels?: readonly KernelResult[];
}

/** What the adapter can do at most, by programs that do nothing else. */
export interface Ceiling extends Spread {
  readonly name: string;
  readonly unit: "GFLOPS" | "GB/s" | "G loads/s" | "µs";
  /** By the median time. */
  readonly value: number;
}

/** One pass of one op on one shape. */
export interface KernelResult extends Spread {
  /** `conv2d forward`. */
  readonly name: string;
  /** `1×56×56×64 → 64, 3×3`. */
  readonly shape: string;
  /** The networks that have it. */
  readonly networks: readonly string[];
  /** The kernels that it launches. */
  readonly launches: readonly string[];
  /** Of work that is bound by arithmetic, else `gbps`. */
  readonly gflops?: number;
  readonly gbps?: number;
  /** The shortest time that the ceilings allow, by the median time. */
  readonly shareOfCeiling: number;
  /** Name of the ceiling that sets the shortest time. */
  readonly ceiling: string;
}
