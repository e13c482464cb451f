/** The ceilings of an adapter: what programs that do only one thing reach, each in a file of ../ceilings. */
import copy from "../ceilings/copy.wgsl?raw";
import fma from "../ceilings/fma.wgsl?raw";
import loadsScalar from "../ceilings/loads_scalar.wgsl?raw";
import loadsVec4 from "../ceilings/loads_vec4.wgsl?raw";
import outer4x4 from "../ceilings/outer_4x4.wgsl?raw";
import outer8x8 from "../ceilings/outer_8x8.wgsl?raw";
import outer16x8 from "../ceilings/outer_16x8.wgsl?raw";
import outer16x16 from "../ceilings/outer_16x16.wgsl?raw";
import read from "../ceilings/read.wgsl?raw";
import type { Experiment } from "./experiment.ts";

/** Experiments that loop run once with few invocations, for a CPU, and once with enough to fill any GPU. */
const LOOPS = { invocations: [2 ** 12, 2 ** 18], loops: true } as const;
/** How many elements loads walk over: 256 KiB of vec4s, which fit a cache. */
const WALK = 2 ** 14;
/** Bytes that are copied and read: too many for a cache, but devices can bind them. */
const STREAM_BYTES = 2 ** 27;
/** The value of most inputs, so that sums are exact. */
const QUARTER = 0.25;

const [A, B, START] = [0.5, 1, 3];

const multiplyAdd: Experiment = {
  name: "multiply-add",
  unit: "GFLOPS",
  wgsl: fma,
  input: Float32Array.of(A, B, 0, 0, START, START, START, START),
  ...LOOPS,
  width: 4,
  work: (iterations) => iterations * 4 * 8 * 2,
  expected(iterations) {
    const decay = A ** (4 * iterations);
    const end = (start: number): number => decay * start + (B * (1 - decay)) / (1 - A);
    return end(START) + end(START + B);
  },
};

const outer = (rows: number, columns: number, wgsl: string): Experiment => ({
  name: `outer product ${rows}×${columns}`,
  unit: "GFLOPS",
  wgsl,
  input: new Float32Array(rows + columns).fill(QUARTER),
  ...LOOPS,
  width: 4,
  work: (iterations) => iterations * rows * columns * 2,
  expected: (iterations) => iterations * rows * (columns / 4) * QUARTER ** 2,
});

const loads = (width: 4 | 1, pattern: string, byInvocation: number, byStep: number): Experiment => ({
  name: `${width === 4 ? "vec4" : "scalar"} loads, ${pattern}`,
  unit: "G loads/s",
  wgsl: width === 4 ? loadsVec4 : loadsScalar,
  constants: { BY_INVOCATION: byInvocation, BY_STEP: byStep, MASK: WALK - 1 },
  input: new Float32Array((WALK + 8 * byStep) * width).fill(QUARTER),
  ...LOOPS,
  width,
  work: (iterations) => iterations * 8,
  expected: (iterations) => iterations * 8 * QUARTER,
});

const loadPatterns = (width: 4 | 1): Experiment[] => [
  loads(width, "all the same", 0, 1),
  loads(width, "neighbours", 1, 64),
  loads(width, "own rows", 64, 1),
];

/** `reads` and `writes` count the vec4s of an invocation. */
const stream = (name: string, wgsl: string, reads: number, writes: number, expected: number): Experiment => ({
  name,
  unit: "GB/s",
  wgsl,
  input: new Float32Array(STREAM_BYTES / 4).fill(QUARTER),
  invocations: [STREAM_BYTES / 16 / reads],
  loops: false,
  width: 4 * writes,
  work: () => 16 * (reads + writes),
  expected: () => expected,
});

/** Functions, so that large inputs are made only when needed. */
export const experiments: readonly (() => Experiment)[] = [
  () => multiplyAdd,
  () => outer(4, 4, outer4x4),
  () => outer(8, 8, outer8x8),
  () => outer(16, 8, outer16x8),
  () => outer(16, 16, outer16x16),
  ...[...loadPatterns(4), ...loadPatterns(1)].map((experiment) => () => experiment),
  () => stream("copy", copy, 4, 4, QUARTER),
  () => stream("read", read, 16, 1, 16 * QUARTER),
];
