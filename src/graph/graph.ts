import { DeviceError, PlanError, ShapeError } from "../base/errors.ts";
import type { Random } from "../base/random.ts";
import type { Capabilities } from "../kernel/capabilities.ts";
import type { Op, OpNode, TensorSpec, Tensors } from "./op.ts";
import { checkTakes } from "./takes.ts";
import { type DType, describe, type Role, type Storage, storedLength, type Tensor } from "./tensor.ts";

/** Returns a parameter's initial values, in logical order without padding. */
export type Initializer = (shape: readonly number[], random: Random) => Float32Array;

/** A named tensor that outlives a step: a weight, or (in `graph.states`) a running statistic. */
export interface Variable {
  readonly name: string;
  readonly tensor: Tensor;
  readonly init: Initializer;
  /** False for frozen parameters and for states. */
  readonly trainable: boolean;
  /** Whether weight decay applies by default: false for biases and batch norm. */
  readonly decay: boolean;
  /** (H, W, C) of the flattened map a dense weight is applied to; other frameworks order its rows C, H, W. */
  readonly flattened?: readonly [number, number, number];
}

/** What a graph is for, and on which device. */
export interface GraphOptions {
  /** `train`: batch statistics, dropout, gradients. `eval`: running statistics, no dropout. */
  readonly mode: "train" | "eval";
  /** Whether the parameter with this name is frozen, so that it does not train. */
  readonly frozen?: (name: string) => boolean;
  /** What kernels may rely on, such as `gpu.capabilities`. Default: what every device has. */
  readonly device?: Capabilities;
  /** Largest storage binding of the device, bytes; no arena is larger. Default 128 MiB. */
  readonly maxBindingBytes?: number;
  /** How activations and their gradients are stored. Default `f32`. */
  readonly precision?: Precision;
}

/**
 * - `f32`: everything is f32
 * - `mixed`: activations and their gradients are f16 in memory; arithmetic, weights, statistics and optimizer state
 *   are f32. The loss is scaled so that gradients do not vanish in f16 (`graph.lossScale`). Needs the device feature
 *   `shader-f16`.
 *
 * Micikevicius et al., "Mixed Precision Training", ICLR 2018.
 */
export type Precision = (typeof precisions)[number];

/** How activations may be stored; see `Precision`. */
export const precisions = ["f32", "mixed"] as const;

/** A power of two, so scaling rounds nothing; torch.amp starts with it too. */
const INITIAL_LOSS_SCALE = 65536;

/** In elements: arena slices are bound as sub-ranges of a buffer, which WebGPU requires to be aligned to 256 bytes. */
export const SLICE_ALIGNMENT = 64;

/**
 * The forward computation as a list of nodes in execution order, with its inputs, variables and outputs.
 * Model functions append to it through ops; nothing runs here.
 *
 * Throws DeviceError for mixed precision on a device without `shader-f16`, ShapeError for inputs that an op does not take,
 * for a shape that is none and for a name that is there already, and PlanError for a tensor that no binding can hold.
 */
export class Graph {
  /** Whether batch norm and dropout behave as in training. */
  readonly mode: "train" | "eval";
  readonly device: Capabilities;
  readonly precision: Precision;
  /**
   * The factor on the loss that keeps f16 gradients from vanishing; undefined if they are f32 or not computed.
   * `shaders/optimizer/loss_scale.wgsl` describes its four numbers.
   */
  readonly lossScale: Variable | undefined;
  /** In the order of execution. */
  readonly nodes: OpNode[] = [];
  /** What each step is fed, by name. */
  readonly inputs = new Map<string, Tensor>();
  /** What each step gives back, by name. */
  readonly outputs = new Map<string, Tensor>();
  /** What trains, frozen parameters included. */
  readonly parameters: Variable[] = [];
  /** What a step updates besides, such as running statistics. */
  readonly states: Variable[] = [];
  readonly #frozen: (name: string) => boolean;
  readonly #maxElements: number;
  readonly #arenas = new Map<string, Storage[]>();
  readonly #names = new Set<string>();
  #storages = 0;
  /** How many calls of `reuse` there have been, and whether one is under way. */
  #reuses = 0;
  #reusing = false;

  constructor(options: GraphOptions) {
    const {
      mode,
      frozen = () => false,
      device = { features: [] },
      maxBindingBytes = 128 * 2 ** 20,
      precision = "f32",
    } = options;
    if (precision === "mixed" && !device.features.includes("shader-f16")) {
      throw new DeviceError(
        "precision mixed needs the WebGPU feature shader-f16, which this device lacks — use f32",
      );
    }
    const mixed = precision === "mixed";
    this.mode = mode;
    this.precision = precision;
    this.device = mixed ? { ...device, activations: "f16" } : device;
    this.lossScale = mixed && mode === "train" ? this.#lossScale() : undefined;
    this.#frozen = frozen;
    this.#maxElements = Math.floor(maxBindingBytes / 4 / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
  }

  /** A tensor that the host writes before each step. */
  input(name: string, shape: readonly number[], dtype: DType = "f32", requiresGrad = false): Tensor {
    this.#claim(name);
    const tensor = this.tensor(name, shape, { role: "input", dtype, requiresGrad });
    this.inputs.set(name, tensor);
    return tensor;
  }

  /** Lets the host read `tensor` after each step, under this name. */
  output(name: string, tensor: Tensor): void {
    this.outputs.set(name, tensor);
  }

  /** Drops nodes no output depends on. Variables stay, so that their offsets match those of the whole graph. */
  prune(): void {
    const needed = new Set(this.outputs.values());
    const kept: OpNode[] = [];
    for (const node of this.nodes.toReversed()) {
      if (!Object.values(node.outputs).some((tensor) => tensor && needed.has(tensor))) continue;
      for (const tensor of Object.values(node.inputs)) if (tensor) needed.add(tensor);
      kept.push(node);
    }
    this.nodes.splice(0, this.nodes.length, ...kept.reverse());
  }

  /** A trainable tensor, unless its name is frozen. `name` is dotted: `layer1.0.conv1.weight`. */
  parameter(
    name: string,
    shape: readonly number[],
    init: Initializer,
    decay: boolean,
    flattened?: readonly [number, number, number],
  ): Tensor {
    const shared = this.#shared(this.parameters, name, shape);
    if (shared) return shared;
    this.#claim(name);
    const trainable = !this.isFrozen(name);
    const tensor = trainable
      ? this.#slice("parameter", "parameters", name, shape)
      : this.#slice("state", "frozen", name, shape);
    this.parameters.push({ name, tensor, init, trainable, decay, ...(flattened && { flattened }) });
    return tensor;
  }

  /** A tensor that kernels update without gradients, such as a running mean. */
  state(name: string, shape: readonly number[], init: Initializer): Tensor {
    const shared = this.#shared(this.states, name, shape);
    if (shared) return shared;
    this.#claim(name);
    const tensor = this.#slice("state", "state", name, shape);
    this.states.push({ name, tensor, init, trainable: false, decay: false });
    return tensor;
  }

  /**
   * Builds layers again with the parameters and running statistics that they have: while `build` runs, a name must be one
   * that is taken, by a tensor of the same shape. Gradients add up, and batch norm updates its statistics each time, in
   * the order of the calls. Throws ShapeError for a name that is new, or of another shape.
   */
  reuse<T>(build: () => T): T {
    const before = this.#reusing;
    this.#reusing = true;
    this.#reuses++;
    try {
      return build();
    } finally {
      this.#reusing = before;
    }
  }

  /** A name for random numbers, which differ in each use of a layer. */
  randomName(name: string): string {
    return this.#reusing ? `${name} (${this.#reuses + 1})` : name;
  }

  /** Whether the parameter with this name is frozen. */
  isFrozen(name: string): boolean {
    return this.#frozen(name);
  }

  /** Appends an op; `label` names it in profiles and errors. */
  apply<In extends Tensors, Attrs, Out extends Tensors>(
    op: Op<In, Attrs, Out>,
    label: string,
    inputs: In,
    attrs: Attrs,
  ): Out {
    if (op.takes) checkTakes(op.name, op.takes, inputs, attrs);
    const given = Object.values(inputs).filter((t) => t !== undefined);
    if (given.some((t) => t.graph !== this)) {
      throw new ShapeError(op.name, "all inputs must belong to this graph", label);
    }
    const requiresGrad = op.backward !== undefined && given.some((t) => t.requiresGrad);
    const views: Readonly<Record<string, Tensor | undefined>> = op.views?.(inputs, attrs) ?? {};
    const outputs: Record<string, Tensor> = {};
    for (const [key, spec] of Object.entries<TensorSpec>(op.infer(inputs, attrs))) {
      const name = key === "y" ? label : `${label}.${key}`;
      const source = views[key];
      outputs[key] = source
        ? { ...source, name, shape: spec.shape, requiresGrad }
        : this.tensor(name, spec.shape, { role: "temporary", dtype: spec.dtype ?? "f32", requiresGrad });
    }
    const node = { op, label, inputs, attrs, outputs: outputs as unknown as Out };
    this.nodes.push(node as unknown as OpNode);
    return node.outputs;
  }

  /** A tensor with memory of its own. Model code uses `input`, `parameter`, `state` and ops instead. */
  tensor(
    name: string,
    shape: readonly number[],
    spec: {
      readonly role: Role;
      readonly dtype?: DType;
      readonly requiresGrad?: boolean;
      readonly data?: NonNullable<Storage["data"]>;
    },
  ): Tensor {
    if (shape.some((extent) => !Number.isInteger(extent) || extent < 1)) {
      throw new ShapeError(name, "extents must be positive integers", `(${shape.join(", ")})`);
    }
    const { role, dtype = "f32", requiresGrad = false, data } = spec;
    const length = storedLength(shape, dtype);
    const storage = { id: this.#storages++, name, role, dtype, length, ...(data && { data }) };
    return { graph: this, name, shape, storage, offset: 0, requiresGrad };
  }

  #lossScale(): Variable {
    const name = "optimizer.loss_scale";
    const tensor = this.tensor(name, [4], { role: "state" });
    const init = () => Float32Array.of(INITIAL_LOSS_SCALE, 0, 0, 0);
    return { name, tensor, init, trainable: false, decay: false };
  }

  /** The variable of this name, while one is to be used again. */
  #shared(variables: readonly Variable[], name: string, shape: readonly number[]): Tensor | undefined {
    if (!this.#reusing) return undefined;
    const tensor = variables.find((variable) => variable.name === name)?.tensor;
    if (!tensor) throw new ShapeError("reuse", "there is no parameter or statistic of this name yet", name);
    if (tensor.shape.join() !== shape.join()) {
      const given = `${describe(tensor)}, not (${shape.join(", ")})`;
      throw new ShapeError("reuse", "what is used again must have the same shape", given);
    }
    return tensor;
  }

  #claim(name: string): void {
    if (this.#names.has(name)) {
      const reason =
        "this name is already taken; give each tensor its own, or share layers on purpose by reuse";
      throw new ShapeError("graph", reason, name);
    }
    this.#names.add(name);
  }

  /** A slice of the last arena of its kind, or of a new one if that is full. */
  #slice(role: Role, kind: string, name: string, shape: readonly number[]): Tensor {
    const length = storedLength(shape);
    if (length > this.#maxElements) {
      throw new PlanError(
        `parameter ${name} (${shape.join(", ")}) takes ${length * 4} bytes; the device binds at most ` +
          `${this.#maxElements * 4} — use fewer channels`,
      );
    }
    const arenas = this.#arenas.get(kind) ?? [];
    this.#arenas.set(kind, arenas);
    let arena = arenas.at(-1);
    if (!arena || arena.length + length > this.#maxElements) {
      arena = { id: this.#storages++, name: `${kind}.${arenas.length}`, role, dtype: "f32", length: 0 };
      arenas.push(arena);
    }
    const tensor: Tensor = {
      graph: this,
      name,
      shape,
      storage: arena,
      offset: arena.length,
      requiresGrad: role === "parameter" && this.mode === "train",
    };
    arena.length += Math.ceil(length / SLICE_ALIGNMENT) * SLICE_ALIGNMENT;
    return tensor;
  }
}
