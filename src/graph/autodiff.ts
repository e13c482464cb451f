/**
 * From a graph of ops to the flat list of kernel launches of one step: the forward launches, then, walking
 * the nodes backwards, the launches of each op's gradient.
 *
 * The gradient rule, for every kernel: a gradient is written (`=`) by its first producer and added (`+=`)
 * only where a tensor is used more than once. `into()` tells a kernel which of the two it is.
 */
import { ShapeError } from "../base/errors.ts";
import type { Capabilities } from "../kernel/capabilities.ts";
import { grid } from "../kernel/grid.ts";
import { withHalf } from "../kernel/half.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { accumulate } from "../kernel/shaders.gen.ts";
import { fuse as fused } from "./fusion.ts";
import type { Graph } from "./graph.ts";
import type { BackwardEmitter, Dispatch, GradientTarget, OpNode } from "./op.ts";
import { copyNodes, needed, type Segment, segmentsOf } from "./recompute.ts";
import { type DType, type Storage, storedLength, type Tensor } from "./tensor.ts";

/** Where differentiation starts: an output and the gradient that arrives there (`null` for a loss). */
export type Seed = readonly [output: Tensor, gradient: Tensor | null];

export interface ProgramOptions {
  /** Whether nodes that one op computes are made one. Default true; without it each layer runs as it is written. */
  readonly fuse?: boolean;
  /**
   * Whether activations are kept for the backward pass (`keep`, the default) or, but for a few, computed again: the
   * same numbers bit for bit for about a third more time.
   */
  readonly memory?: "keep" | "recompute";
  /** Whether the gradients of parameters are added to what is there, as those of micro-batches are. Default false. */
  readonly accumulate?: boolean;
}

/** The launches of one step, and the gradients among their tensors. */
export class Program implements BackwardEmitter {
  readonly graph: Graph;
  /** Those of the graph, fused. */
  readonly nodes: readonly OpNode[];
  readonly dispatches: Dispatch[] = [];
  /** Of a tensor that was computed again the one that it stands for, whose gradient is the gradient. */
  readonly #originals = new Map<Tensor, Tensor>();
  readonly #gradients = new Map<Tensor, Tensor>();
  /** How many tensors whose producer has not been differentiated yet have their gradient in a storage. */
  readonly #holders = new Map<Storage, number>();
  /** Storages made here for gradients, which may therefore be added to in place. */
  readonly #owned = new Set<Storage>();
  readonly #gradientArenas = new Map<Storage, Storage>();
  readonly #accumulates: boolean;
  #label = "";
  #current: OpNode | undefined;

  constructor(graph: Graph, seeds: readonly Seed[] = [], options: ProgramOptions = {}) {
    const { fuse = true, memory = "keep", accumulate = false } = options;
    this.graph = graph;
    this.#accumulates = accumulate;
    const kept = [...graph.outputs.values(), ...seeds.map(([output]) => output)];
    this.nodes = fuse ? fused(graph.nodes, kept) : graph.nodes;
    for (const node of this.nodes) {
      this.#label = node.label;
      node.op.forward(this, node);
    }
    if (seeds.length === 0) return;
    this.#differentiate(seeds, memory === "keep" ? [this] : segmentsOf(this.nodes, kept));
  }

  get device(): Capabilities {
    return this.graph.device;
  }

  /**
   * The gradient of a tensor, if it was wanted and something depends on it. Of a tensor between nodes it is only sure
   * to be there where that is an output of the graph: others may be fused away, or their gradients overwritten.
   */
  gradientOf(tensor: Tensor): Tensor | undefined {
    return this.#gradients.get(tensor);
  }

  /** [arena of parameters, arena of their gradients at the same offsets], as the optimizer walks them. */
  get arenas(): readonly (readonly [parameters: Storage, gradients: Storage])[] {
    return [...this.#gradientArenas];
  }

  /** Names the launches that follow. */
  label(label: string): void {
    this.#label = label;
  }

  dispatch(
    kernel: Kernel,
    bindings: Dispatch["bindings"],
    constants: Dispatch["constants"],
    workgroups: Dispatch["workgroups"],
  ): void {
    const half = kernel.bindings.filter(({ name }) => bindings[name]!.storage.dtype === "f16");
    const fitting = withHalf(
      kernel,
      half.map(({ name }) => name),
    );
    this.dispatches.push({ kernel: fitting, bindings, constants, workgroups, label: this.#label });
  }

  temporary(name: string, shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.graph.tensor(`${this.#label}.${name}`, shape, { role: "temporary", dtype });
  }

  constant(name: string, data: Float32Array | Int32Array | Uint32Array): Tensor {
    const dtype = data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "u32";
    if (dtype === "f32" && data.length % 4 !== 0) {
      throw new ShapeError(
        this.#label,
        "a constant is given with its padding",
        `${name}: ${data.length} elements`,
      );
    }
    return this.graph.tensor(`${this.#label}.${name}`, [data.length], { role: "constant", dtype, data });
  }

  gradient(output: Tensor): Tensor {
    const gradient = this.#gradients.get(this.#original(output));
    if (!gradient) throw new ShapeError(this.#label, "no gradient has arrived", output.name);
    return gradient;
  }

  take(output: Tensor): Tensor | undefined {
    const tensor = this.#original(output);
    const gradient = this.gradient(tensor);
    const { storage } = gradient;
    const shared = !this.#owned.has(storage) || this.#holders.get(storage)! > 1;
    if (shared || [...this.graph.outputs.values()].includes(tensor)) return undefined;
    this.#gradients.delete(tensor);
    return gradient;
  }

  wants(input: Tensor | undefined): input is Tensor {
    return input?.requiresGrad === true;
  }

  into(given: Tensor): GradientTarget {
    const input = this.#original(given);
    const present = this.#gradients.get(input);
    if (!present) {
      const isParameter = input.storage.role === "parameter";
      const tensor = isParameter ? this.#parameterGradient(input) : this.#fresh(input);
      this.#hold(input, tensor);
      return { tensor, accumulate: isParameter && this.#accumulates ? 1 : 0 };
    }
    return { tensor: this.#writable(input, present), accumulate: 1 };
  }

  pass(given: Tensor, gradient: Tensor): void {
    const input = this.#original(given);
    const alike = gradient.storage.dtype === input.storage.dtype;
    if (!this.#gradients.has(input) && input.storage.role !== "parameter" && alike) {
      this.#hold(input, { ...gradient, name: `d(${input.name})`, shape: input.shape });
      return;
    }
    const target = this.into(input);
    this.#accumulate(gradient, target.tensor, target.accumulate);
  }

  #differentiate(seeds: readonly Seed[], segments: readonly Segment[]): void {
    const losses = new Set<Tensor>();
    for (const [output, gradient] of seeds) {
      if (gradient) this.#hold(output, gradient);
      else losses.add(output);
    }
    for (const { nodes, kept } of segments.toReversed()) {
      const start = this.dispatches.length;
      const copies = kept ? this.#runAgain(nodes, kept) : nodes;
      const backward = this.dispatches.length;
      for (let i = nodes.length - 1; i >= 0; i--) this.#differentiateNode(nodes[i]!, copies[i]!, losses);
      if (kept) {
        const [again, readers] = [this.dispatches.slice(start, backward), this.dispatches.slice(backward)];
        this.dispatches.splice(start, again.length, ...needed(again, readers, kept));
      }
    }
  }

  /** The nodes on tensors of their own, which their launches, appended here, compute once more. */
  #runAgain(nodes: readonly OpNode[], kept: ReadonlySet<Storage>): readonly OpNode[] {
    const { copies, originals } = copyNodes(this.graph, nodes, kept);
    for (const [copy, original] of originals) this.#originals.set(copy, original);
    for (const copy of copies) {
      this.#label = `again(${copy.label})`;
      (copy.op.again ?? copy.op).forward(this, copy);
    }
    return copies;
  }

  /** Emits the gradients of a node from the values that are in `copy`. */
  #differentiateNode(node: OpNode, copy: OpNode, losses: ReadonlySet<Tensor>): void {
    const outputs = Object.values(node.outputs).filter((t) => t !== undefined);
    if (!outputs.some((t) => t.requiresGrad && (this.#gradients.has(t) || losses.has(t)))) return;
    this.#label = `d(${node.label})`;
    this.#current = node;
    node.op.backward?.(this, copy);
    for (const output of outputs) {
      const storage = this.#gradients.get(output)?.storage;
      if (storage) this.#holders.set(storage, this.#holders.get(storage)! - 1);
    }
    this.#current = undefined;
  }

  #original(tensor: Tensor): Tensor {
    return this.#originals.get(tensor) ?? tensor;
  }

  #hold(input: Tensor, gradient: Tensor): void {
    this.#gradients.set(input, gradient);
    this.#holders.set(gradient.storage, (this.#holders.get(gradient.storage) ?? 0) + 1);
  }

  #fresh(input: Tensor): Tensor {
    const { dtype } = input.storage;
    const tensor = this.graph.tensor(`d(${input.name})`, input.shape, { role: "temporary", dtype });
    this.#owned.add(tensor.storage);
    return tensor;
  }

  /** Memory for `input`'s gradient that may be added to: a copy where `present` is still read elsewhere. */
  #writable(input: Tensor, present: Tensor): Tensor {
    const storage = present.storage;
    if (storage.role === "gradient") return present;
    const readHere = Object.values(this.#current?.outputs ?? {}).some(
      (output) => output && this.#gradients.get(output)?.storage === storage,
    );
    const shared = !this.#owned.has(storage) || this.#holders.get(storage)! > 1 || readHere;
    if (!shared) return present;
    const copy = this.#fresh(input);
    this.#accumulate(present, copy, 0);
    this.#holders.set(storage, this.#holders.get(storage)! - 1);
    this.#hold(input, copy);
    return copy;
  }

  #accumulate(x: Tensor, y: Tensor, accumulates: 0 | 1): void {
    const LENGTH = storedLength(y.shape) / 4;
    this.dispatch(accumulate, { x, y }, { LENGTH, ACCUMULATE: accumulates }, grid(LENGTH, accumulate));
  }

  #parameterGradient(parameter: Tensor): Tensor {
    let arena = this.#gradientArenas.get(parameter.storage);
    if (!arena) {
      const { length, name } = parameter.storage;
      arena = this.graph.tensor(`gradients of ${name}`, [length], { role: "gradient" }).storage;
      this.#gradientArenas.set(parameter.storage, arena);
      this.#owned.add(arena);
    }
    return { ...parameter, name: `d(${parameter.name})`, storage: arena, requiresGrad: false };
  }
}
