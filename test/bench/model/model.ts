/**
 * How long a training step would take on a GPU that nobody here has: for each launch the longer one of arithmetic, with
 * cores as full as its workgroups make them, and of memory, and what a launch costs. A model, not a measurement: it knows
 * nothing of caches, of latency that too few subgroups leave open, or of clocks that fall.
 */
import type { Dispatch } from "../../../src/graph/op.ts";
import { GPUS, type ModelledGpu } from "./gpus.ts";
import { launchesOn, NETWORKS } from "./networks.ts";
import { shareOf } from "./shares.ts";
import { workOf } from "./work.ts";

const BOUNDS = ["arithmetic", "bytes", "launch"] as const;
/** What a launch takes longest for. */
type Bound = (typeof BOUNDS)[number];

/** Launches of one kernel. */
export interface ModelledKernel {
  readonly kernel: string;
  readonly launches: number;
  readonly ms: number;
  /** What most of this time is bound by. */
  readonly bound: Bound;
}

export interface ModelledStep {
  readonly gpu: string;
  readonly network: string;
  readonly launches: number;
  readonly ms: number;
  /** Time of the launches that each binds. */
  readonly bounds: Readonly<Record<Bound, number>>;
  /** Bytes that launches bind. */
  readonly bytes: number;
  /** Those that take longest first. */
  readonly kernels: readonly ModelledKernel[];
}

/** Invocations that each lane of a core needs, so that one computes while another waits. */
const INVOCATIONS_A_LANE = 2;

/** Share of the cores' lanes that are busy, when each is given whole workgroups of so many invocations in turn. */
function occupancy(workgroups: number, invocations: number, { cores, lanes }: ModelledGpu): number {
  const full = (lanes * INVOCATIONS_A_LANE) / invocations;
  return workgroups / (cores * Math.max(Math.ceil(workgroups / cores), full));
}

function modelLaunch(dispatch: Dispatch, gpu: ModelledGpu): { ms: number; bound: Bound; bytes: number } {
  const { kernel } = dispatch;
  const { issued, bytes, workgroups } = workOf(dispatch);
  const rate = shareOf(dispatch, gpu) * gpu.teraflops * occupancy(workgroups, kernel.workgroupSize[0], gpu);
  const times = {
    arithmetic: issued / rate / 1e9,
    bytes: bytes / gpu.gigabytesPerSecond / 1e6,
    launch: gpu.launchMicroseconds / 1e3,
  };
  const bound = BOUNDS.toSorted((a, b) => times[b] - times[a])[0]!;
  return { ms: Math.max(times.arithmetic, times.bytes) + times.launch, bound, bytes };
}

export function modelStep(name: string, network: string): ModelledStep {
  const gpu = GPUS[name]!;
  const launches = launchesOn(gpu.device, network).map((dispatch) => ({
    kernel: dispatch.kernel.name,
    ...modelLaunch(dispatch, gpu),
  }));
  const total = (those: typeof launches): number => those.reduce((sum, { ms }) => sum + ms, 0);
  const boundsOf = (those: typeof launches) =>
    Object.fromEntries(
      BOUNDS.map((kind) => [kind, total(those.filter(({ bound }) => bound === kind))]),
    ) as Record<Bound, number>;
  const names = [...new Set(launches.map(({ kernel }) => kernel))];
  const kernels = names.map((kernel): ModelledKernel => {
    const those = launches.filter((launch) => launch.kernel === kernel);
    const bounds = boundsOf(those);
    const bound = BOUNDS.toSorted((a, b) => bounds[b] - bounds[a])[0]!;
    return { kernel, launches: those.length, ms: total(those), bound };
  });
  return {
    ...{ gpu: name, network, launches: launches.length, ms: total(launches), bounds: boundsOf(launches) },
    bytes: launches.reduce((sum, { bytes }) => sum + bytes, 0),
    kernels: kernels.sort((a, b) => b.ms - a.ms),
  };
}

/** The steps of all networks on these GPUs. */
export const modelSteps = (gpus: readonly string[]): readonly ModelledStep[] =>
  gpus.flatMap((gpu) => Object.keys(NETWORKS).map((network) => modelStep(gpu, network)));
