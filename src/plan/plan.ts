import { ShapeError } from "../base/errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { Dispatch } from "../graph/op.ts";
import { bytesOf, type Storage, type Tensor } from "../graph/tensor.ts";
import { type Lifetime, lifetimes, lowerBound } from "./lifetimes.ts";
import { type MemoryLimits, type MemoryPlan, planMemory, total } from "./memory.ts";
import { shareSlabs } from "./share-slabs.ts";

/** What a step needs in memory, bytes. */
export interface MemoryReport {
  /** All slabs that hold temporaries. */
  readonly peakBytes: number;
  /** The largest sum of temporaries alive at once: no plan can do with less. */
  readonly lowerBoundBytes: number;
  /** What the temporaries would take without sharing. */
  readonly unsharedBytes: number;
  /** Parameters, their gradients, states, constants, inputs and outputs. */
  readonly persistentBytes: number;
}

/** One step, decided in full: what is launched in which order, and where every tensor lives. */
export interface Plan {
  readonly dispatches: readonly Dispatch[];
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly memory: MemoryPlan;
  /** Storages that are not temporaries, each with a buffer of its own. */
  readonly persistent: readonly Storage[];
  readonly report: MemoryReport;
}

export const DEFAULT_LIMITS: MemoryLimits = { maxBindingBytes: 128 * 2 ** 20, maxBufferBytes: 256 * 2 ** 20 };

/** A program, or a part of one: what of it a step runs, reads and writes. */
export interface Steps {
  readonly dispatches: readonly Dispatch[];
  readonly graph: Pick<Graph, "parameters" | "states"> & {
    readonly inputs: ReadonlyMap<string, Tensor>;
    readonly outputs: ReadonlyMap<string, Tensor>;
  };
  /** Storages that lie in buffers of the caller's: the plan has no place for them. Default none. */
  readonly given?: ReadonlySet<Storage>;
}

/** A plan that needs more than so many times the lower bound is worth kernels that may write what they only read. */
const CLOSE = 1.03;

/** Plans a program for a device with these limits. Throws PlanError or ShapeError; needs no GPU. */
export function plan(program: Steps, limits: MemoryLimits = DEFAULT_LIMITS): Plan {
  const { graph, given = new Set() } = program;
  let { dispatches } = program;
  const persistent = new Set<Storage>();
  const note = ({ storage }: Tensor): void => {
    if (storage.role !== "temporary" && !given.has(storage)) persistent.add(storage);
  };
  for (const tensor of [...graph.inputs.values(), ...graph.outputs.values()]) note(tensor);
  for (const { tensor } of [...graph.parameters, ...graph.states]) note(tensor);
  for (const dispatch of dispatches) {
    checkAccess(dispatch);
    for (const tensor of Object.values(dispatch.bindings)) note(tensor);
  }
  const kept = new Set([...graph.outputs.values()].map((t) => t.storage));
  const placed = (shared: boolean): Lifetime[] =>
    lifetimes(dispatches, kept, shared).filter(({ storage }) => !given.has(storage));
  const tensors = placed(false);
  const lowerBoundBytes = lowerBound(tensors);
  let memory = planMemory(tensors, limits);
  if (total(memory) > CLOSE * lowerBoundBytes) {
    const shared = planMemory(placed(true), limits);
    if (total(shared) < total(memory)) {
      memory = shared;
      dispatches = dispatches.map((dispatch) => shareSlabs(dispatch, shared));
    }
  }
  const sum = (list: Iterable<Storage>): number => {
    let bytes = 0;
    for (const storage of list) bytes += bytesOf(storage);
    return bytes;
  };
  return {
    dispatches,
    inputs: graph.inputs,
    outputs: graph.outputs,
    memory,
    persistent: [...persistent],
    report: {
      peakBytes: total(memory),
      lowerBoundBytes,
      unsharedBytes: sum(tensors.map((t) => t.storage)),
      persistentBytes: sum(persistent),
    },
  };
}

/** A storage bound both to read and to write in one dispatch is a defect of the op; WebGPU would refuse it. */
function checkAccess({ kernel, bindings, label }: Dispatch): void {
  const access = new Map<Storage, string>();
  for (const binding of kernel.bindings) {
    const { storage } = bindings[binding.name]!;
    const other = access.get(storage);
    if (other && other !== binding.access) {
      throw new ShapeError(
        kernel.name,
        "binds one storage to read and to write",
        `${storage.name} in ${label}`,
      );
    }
    access.set(storage, binding.access);
  }
}
