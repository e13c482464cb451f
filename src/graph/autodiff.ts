/**
 * Walks the nodes of a graph backwards and emits the launches that compute their gradients.
 *
 * The rule for every kernel: the first producer of a gradient writes it (`=`), later ones add to it (`+=`), which
 * happens only if a tensor is used more than once. `into()` tells a kernel which of the two to do.
 */
import { ShapeError } from "../base/errors.ts";
import { grid } from "../kernel/grid.ts";
import { accumulate as accumulate_kernel } from "../kernel/shaders.gen.ts";
import type { Graph } from "./graph.ts";
import { emitAgain, Launches } from "./launches.ts";
import type { BackwardEmitter, Dispatch, GradientRules, GradientTarget, OpNode } from "./op.ts";
import { copyNodes, needed, type Segment, segmentsOf } from "./recompute.ts";
import { type DType, type Storage, storedLength, type Tensor } from "./tensor.ts";

/** Where differentiation starts: an output and its incoming gradient (`null` for a loss). */
export type Seed = readonly [output: Tensor, gradient: Tensor | null];

export interface DifferentiateOptions {
  /**
   * Whether activations are kept for the backward pass (`keep`, the default) or mostly recomputed (`recompute`), which
   * gives the same results bit for bit and takes about a third more time.
   */
  readonly memory?: "keep" | "recompute";
  /** Whether parameter gradients are added to the existing ones, as for micro-batches. Default false. */
  readonly accumulate?: boolean;
}

export interface Gradients {
  /**
   * The computed gradients, by tensor. For a tensor between nodes, its gradient is guaranteed only if the tensor is an
   * output of the graph: other tensors may be fused away, or their gradients overwritten.
   */
  readonly gradients: ReadonlyMap<Tensor, Tensor>;
  /** [arena of parameters, arena of their gradients at the same offsets], for the optimizer. */
  readonly arenas: readonly (readonly [parameters: Storage, gradients: Storage])[];
}

/** Gradients and the launches that compute them. */
export interface Backward extends Gradients {
  readonly dispatches: readonly Dispatch[];
}

/** Emits the gradients of everything `seeds` depend on by `rules`, for nodes whose forward passes have run. */
export function differentiate(
  graph: Graph,
  nodes: readonly OpNode[],
  seeds: readonly Seed[],
  rules: GradientRules,
  { memory = "keep", accumulate = false }: DifferentiateOptions = {},
): Backward {
  const table = new GradientTable(graph, rules, accumulate);
  for (const [output, gradient] of seeds) {
    if (gradient) table.hold(output, gradient);
    else table.losses.add(output);
  }
  const kept = [...graph.outputs.values(), ...seeds.map(([output]) => output)];
  const segments = memory === "keep" ? [{ nodes }] : segmentsOf(nodes, kept);
  const dispatches = segments.toReversed().flatMap((segment) => differentiateSegment(table, segment));
  return { dispatches, gradients: table.gradients, arenas: [...table.arenas] };
}

/** Launches of a segment's gradients, preceded by the forward launches that must run again for them. */
function differentiateSegment(table: GradientTable, { nodes, kept }: Segment): readonly Dispatch[] {
  if (!kept) return nodes.toReversed().flatMap((node) => differentiateNode(table, node, node));
  const { copies, originals } = copyNodes(table.graph, nodes, kept);
  for (const [copy, original] of originals) table.originals.set(copy, original);
  const again = emitAgain(table.graph, copies);
  const backward = nodes
    .map((node, i) => [node, copies[i]!] as const)
    .toReversed()
    .flatMap(([node, copy]) => differentiateNode(table, node, copy));
  return [...needed(again, backward, kept), ...backward];
}

/** Launches of a node's gradients, computed from the values in `copy`. */
function differentiateNode(table: GradientTable, node: OpNode, copy: OpNode): readonly Dispatch[] {
  const outputs = Object.values(node.outputs).filter((t) => t !== undefined);
  const arrived = outputs.some((t) => t.requiresGrad && (table.gradients.has(t) || table.losses.has(t)));
  if (!arrived) return [];
  const emit = new NodeGradients(table, node);
  const { backward } = node.op;
  const rule = typeof backward === "string" ? table.rules[backward] : backward;
  rule?.(emit, copy);
  for (const output of outputs) table.release(output);
  return emit.dispatches;
}

/** Tracks the gradients, and which of their memory is still read, during the walk backwards. */
class GradientTable {
  readonly graph: Graph;
  readonly rules: GradientRules;
  readonly accumulates: boolean;
  readonly gradients = new Map<Tensor, Tensor>();
  readonly arenas = new Map<Storage, Storage>();
  readonly losses = new Set<Tensor>();
  /** Maps a recomputed tensor to the original, which gradients are recorded under. */
  readonly originals = new Map<Tensor, Tensor>();
  /** How many tensors with a producer not yet differentiated have their gradient in a storage. */
  readonly #holders = new Map<Storage, number>();
  /** Storages allocated here for gradients, so adding to them in place is safe. */
  readonly #owned = new Set<Storage>();

  constructor(graph: Graph, rules: GradientRules, accumulates: boolean) {
    this.graph = graph;
    this.rules = rules;
    this.accumulates = accumulates;
  }

  original(tensor: Tensor): Tensor {
    return this.originals.get(tensor) ?? tensor;
  }

  /** Whether this gradient's memory may still be read as the gradient of another tensor. */
  isShared({ storage }: Tensor): boolean {
    return !this.#owned.has(storage) || this.#holders.get(storage)! > 1;
  }

  hold(input: Tensor, gradient: Tensor): void {
    this.gradients.set(input, gradient);
    this.#count(gradient.storage, 1);
  }

  /** Marks the gradient of a tensor as no longer read. */
  release(tensor: Tensor): void {
    const storage = this.gradients.get(tensor)?.storage;
    if (storage) this.#count(storage, -1);
  }

  fresh(input: Tensor): Tensor {
    const { dtype } = input.storage;
    const tensor = this.graph.tensor(`d(${input.name})`, input.shape, { role: "temporary", dtype });
    this.own(tensor);
    return tensor;
  }

  own({ storage }: Tensor): void {
    this.#owned.add(storage);
  }

  ofParameter(parameter: Tensor): Tensor {
    let arena = this.arenas.get(parameter.storage);
    if (!arena) {
      const { length, name } = parameter.storage;
      arena = this.graph.tensor(`gradients of ${name}`, [length], { role: "gradient" }).storage;
      this.arenas.set(parameter.storage, arena);
      this.#owned.add(arena);
    }
    return { ...parameter, name: `d(${parameter.name})`, storage: arena, requiresGrad: false };
  }

  #count(storage: Storage, change: 1 | -1): void {
    this.#holders.set(storage, (this.#holders.get(storage) ?? 0) + change);
  }
}

/** Collects the launches of one node's backward pass. */
class NodeGradients extends Launches implements BackwardEmitter {
  readonly #table: GradientTable;
  readonly #node: OpNode;

  constructor(table: GradientTable, node: OpNode) {
    super(table.graph, `d(${node.label})`);
    this.#table = table;
    this.#node = node;
  }

  gradient(output: Tensor): Tensor {
    const gradient = this.#table.gradients.get(this.#table.original(output));
    if (!gradient) throw new ShapeError(this.label, "no gradient has arrived", output.name);
    return gradient;
  }

  startsAt(output: Tensor): boolean {
    return this.#table.losses.has(this.#table.original(output));
  }

  override temporary(name: string, shape: readonly number[], dtype: DType = "f32"): Tensor {
    const tensor = super.temporary(name, shape, dtype);
    this.#table.own(tensor);
    return tensor;
  }

  take(output: Tensor): Tensor | undefined {
    const tensor = this.#table.original(output);
    const gradient = this.gradient(tensor);
    if (this.#table.isShared(gradient) || [...this.graph.outputs.values()].includes(tensor)) return undefined;
    // Whoever it is passed on to holds it anew.
    this.#table.release(tensor);
    this.#table.gradients.delete(tensor);
    return gradient;
  }

  wants(input: Tensor | undefined): input is Tensor {
    return input?.requiresGrad === true;
  }

  into(given: Tensor): GradientTarget {
    const table = this.#table;
    const input = table.original(given);
    const present = table.gradients.get(input);
    if (present) return { tensor: this.#writable(input, present), accumulate: 1 };
    const isParameter = input.storage.role === "parameter";
    const tensor = isParameter ? table.ofParameter(input) : table.fresh(input);
    table.hold(input, tensor);
    return { tensor, accumulate: isParameter && table.accumulates ? 1 : 0 };
  }

  pass(given: Tensor, gradient: Tensor): void {
    const input = this.#table.original(given);
    const alike = gradient.storage.dtype === input.storage.dtype;
    if (!this.#table.gradients.has(input) && input.storage.role !== "parameter" && alike) {
      this.#table.hold(input, { ...gradient, name: `d(${input.name})`, shape: input.shape });
      return;
    }
    const target = this.into(input);
    this.#add(gradient, target.tensor, target.accumulate);
  }

  /** Memory that may be added to for `input`'s gradient: a copy if `present` is still read elsewhere. */
  #writable(input: Tensor, present: Tensor): Tensor {
    const table = this.#table;
    const { storage } = present;
    if (storage.role === "gradient") return present;
    const readHere = Object.values(this.#node.outputs).some(
      (output) => output && table.gradients.get(output)?.storage === storage,
    );
    if (!readHere && !table.isShared(present)) return present;
    const copy = table.fresh(input);
    this.#add(present, copy, 0);
    table.release(input);
    table.hold(input, copy);
    return copy;
  }

  #add(x: Tensor, y: Tensor, accumulate: 0 | 1): void {
    const LENGTH = storedLength(y.shape) / 4;
    const workgroups = grid(LENGTH, accumulate_kernel);
    this.dispatch(accumulate_kernel, { x, y }, { LENGTH, ACCUMULATE: accumulate }, workgroups);
  }
}
