import { WebgraftError, WeightsError } from "../base/errors.ts";
import { type Pads, resolvePadding } from "../base/window.ts";
import type { ActivationLike, Sides } from "../layers/index.ts";
import type { Model } from "../models/model.ts";
import { multiLabel } from "../models/multi-label.ts";
import {
  extentsAfter,
  type NetworkLayer,
  type NetworkLayerKind,
  type NetworkOptions,
  network,
} from "../models/topologies/network.ts";
import type { NamedWeights } from "../weights/tensors.ts";
import { type Affine, composed } from "./affine.ts";

type Mutable<T> = T extends unknown ? { -readonly [K in keyof T]: T[K] } : never;
export type DraftLayer = Mutable<NetworkLayer>;

/** A network out of a file. */
export interface ImportedNetwork {
  readonly model: Model;
  /** By the model's names, in PyTorch's layouts. */
  readonly weights: NamedWeights;
  /** What the file does not say and is taken for granted: that one number without a sigmoid is a logit. */
  readonly assumed?: string;
}

/** Limit on the values whose shapes a file computes with; each takes as long as building the network so far. */
const MOST_SHAPES = 500;

/** The layer types that can end with an activation. */
const ACTIVATED = ["conv2d", "conv_transpose2d", "batch_norm", "dense", "add"] as const;

/** Whether it is this map of all channels, up to f32's rounding. */
const isAffine = ({ scale, shift }: Affine, factor: number, summand: number): boolean =>
  scale.every((s) => Math.abs(s - factor) < 1e-6) && shift.every((t) => Math.abs(t - summand) < 1e-6);

/** The layer types through which a sigmoid at the end is looked for: those that average, and others. */
const MEANS: readonly string[] = ["global_avg_pool", "avg_pool2d"];
const AFTER_SIGMOID: readonly string[] = ["flatten", "dropout", "global_max_pool", "max_pool2d"];

const LOGIT =
  "the file's one number, without a sigmoid, is taken for the logit of the second of two classes, (0, x); if it is a quantity " +
  "(a regression), train it as a Network";

/** The pixels at each side of any map. */
const sidesOf = (sides: Sides): Pads => resolvePadding(sides, [1, 1], [1, 1]);

/** x times one of these is an activation. */
const SWISHES: Readonly<Record<string, ActivationLike>> = { sigmoid: "silu", hardsigmoid: "hardswish" };

/**
 * Collects the layers of a network from a file in which values have names, and merges what is a single layer here: a
 * batch norm, the sum after it and its activation.
 */
export class NetworkBuilder {
  /** The file's name in errors. */
  readonly source: string;
  readonly #input: string;
  /** How many layers use a value, by its name; being the output counts as another use. */
  readonly #uses = new Map<string, number>();
  /** New names of other values. */
  readonly #aliases = new Map<string, string>();
  /** The layer that makes a value, by the value's name, in order. */
  readonly #layers = new Map<string, DraftLayer>();
  #shapesAsked = 0;
  #assumed: string | undefined;

  /** `taken` has the name of a value once for each use. */
  constructor(source: string, input: string, taken: Iterable<string>) {
    this.source = source;
    this.#input = input;
    for (const name of taken) this.#uses.set(name, this.#usesOf(name) + 1);
  }

  /** The name by which layers refer to a value; undefined if no layer has made it so far. */
  value(name: string): string | undefined {
    const known = this.#aliases.get(name) ?? name;
    if (known === this.#input) return "images";
    return this.#layers.has(known) ? known : undefined;
  }

  alias(name: string, value: string): void {
    this.#aliases.set(name, value === "images" ? this.#input : value);
    // A use of either name is a use of the value.
    this.#uses.set(value, this.#usesOf(value) - 1 + this.#usesOf(name));
  }

  /** A value that is to come is used wherever a name of the file is. */
  expectUses(value: string, name: string): void {
    this.#uses.set(value, this.#usesOf(name));
  }

  /** The layer that makes a value. */
  layer(value: string): Readonly<DraftLayer> | undefined {
    return this.#layers.get(value);
  }

  /** The layer, of one of these types, that makes a value with a single use: what uses it may be merged into it. */
  sole<T extends DraftLayer["type"]>(
    value: string,
    ...types: readonly T[]
  ): Extract<DraftLayer, { type: T }> | undefined {
    const layer = this.#layers.get(value);
    const fits = layer && (types as readonly string[]).includes(layer.type) && this.#usesOf(value) === 1;
    return fits ? (layer as Extract<DraftLayer, { type: T }>) : undefined;
  }

  add(kind: NetworkLayerKind, from: readonly string[], to: string): void {
    this.#layers.set(to, { ...kind, from, to });
  }

  /** A convolution. Zeros that a layer puts around the map for it alone are its own padding. */
  convolution(kind: Extract<NetworkLayerKind, { type: "conv2d" }>, x: string, to: string): void {
    const pad = this.sole(x, "pad2d");
    const [own, zeros] = [kind.padding === "valid" ? 0 : kind.padding, pad?.padding];
    if (zeros === undefined || pad?.mode !== "constant" || pad.value || typeof own === "string") {
      this.add(kind, [x], to);
      return;
    }
    const [before, after] = [sidesOf(own), sidesOf(zeros)];
    this.#layers.delete(x);
    const padding = before.map((pixels, side) => pixels + after[side]!) as unknown as Pads;
    this.add({ ...kind, padding }, pad.from, to);
  }

  /** Renames a layer's value, and moves the layer to the end. */
  move(layer: DraftLayer, to: string): void {
    this.#layers.delete(layer.to);
    layer.to = to;
    this.#layers.set(to, layer);
  }

  activate(x: string, activation: ActivationLike, to: string): void {
    const layer = this.sole(x, ...ACTIVATED);
    if (layer && !layer.activation) {
      layer.activation = activation;
      this.move(layer, to);
    } else this.add({ type: "activation", activation }, [x], to);
  }

  sum(a: string, b: string, to: string): void {
    for (const [x, residual] of [
      [a, b],
      [b, a],
    ] as const) {
      const norm = this.sole(x, "batch_norm");
      if (!norm || norm.activation || norm.from.length > 1 || norm.from[0] === residual) continue;
      norm.from = [norm.from[0]!, residual];
      this.move(norm, to);
      return;
    }
    this.add({ type: "add" }, [a, b], to);
  }

  /** The product of two values; x times its own sigmoid is an activation. */
  product(a: string, b: string, to: string): void {
    for (const [x, gate] of [
      [a, b],
      [b, a],
    ] as const) {
      const layer = this.sole(gate, "activation");
      const swish = layer && SWISHES[String(layer.activation)];
      if (!swish || layer.from[0] !== x) continue;
      this.#layers.delete(gate);
      // Both used x, and one layer does from now on.
      this.#uses.set(x, this.#usesOf(x) - 1);
      this.activate(x, swish, to);
      return;
    }
    this.add({ type: "mul" }, [a, b], to);
  }

  /** A value of so many channels times constant numbers, and others added: relu6(x + 3) / 6 is an activation. */
  rescale(x: string, then: Affine, channels: number, to: string): void {
    const clip = this.sole(x, "activation");
    const before = this.sole(clip ? clip.from[0]! : x, "rescale");
    const first = { scale: [before?.scale ?? 1].flat(), shift: [before?.offset ?? 0].flat() };
    if (before && !clip) {
      this.#layers.delete(x);
      this.#rescale(before.from[0]!, composed(first, then, channels), to);
    } else if (before && clip?.activation === "relu6" && isAffine(first, 1, 3) && isAffine(then, 1 / 6, 0)) {
      this.#layers.delete(x);
      this.#layers.delete(before.to);
      this.activate(before.from[0]!, "hardsigmoid", to);
    } else this.#rescale(x, then, to);
  }

  #rescale(x: string, { scale, shift }: Affine, to: string): void {
    const numbers = (values: readonly number[]): number | readonly number[] =>
      values.every((value) => value === values[0]) ? values[0]! : values;
    this.add({ type: "rescale", scale: numbers(scale), offset: numbers(shift) }, [x], to);
  }

  flatten(x: string, features: number | undefined, to: string): void {
    const pool = this.sole(x, "global_avg_pool", "global_max_pool");
    if (pool && features === undefined) {
      pool.keepPixel = false;
      this.move(pool, to);
    } else this.add({ type: "flatten", ...(features !== undefined && { features }) }, [x], to);
  }

  /** The extents (N, H, W, C) or (N, C) of a value, for one image. Throws WeightsError if layers do not fit. */
  extents(value: string, inputShape: Model["inputShape"]): readonly number[] {
    if (value === "images") return [1, ...inputShape];
    if (++this.#shapesAsked > MOST_SHAPES) {
      throw new WeightsError(`${this.source}: computes with the shapes of more than ${MOST_SHAPES} values`);
    }
    const layers = [...this.#layers.values()];
    const last = layers.findIndex(({ to }) => to === value);
    return this.#checked(() => extentsAfter({ inputShape, layers: layers.slice(0, last + 1) }));
  }

  /** Whether a layer has taken the images. */
  get takesImages(): boolean {
    return [...this.#layers.values()].some(({ from }) => from.includes("images"));
  }

  /**
   * The network that ends with this value: a classifier of two classes if that is one number, and of labels that do not
   * exclude each other if a sigmoid makes several. What has no head (`isHeadless`) ends in features, whatever makes them.
   * Throws WeightsError if it cannot be built.
   */
  network(output: string, options: Omit<NetworkOptions, "layers">, isHeadless = false): Model {
    const value = this.value(output);
    const last = value && this.#layers.get(value);
    if (!last) throw new WeightsError(`${this.source}: no layer makes the output ${output}`);
    const isSigmoid = !isHeadless && this.#leaveOutSigmoid(last);
    this.move(last, last.to);
    const classes = this.extents(value, options.inputShape).at(-1);
    // The softmax of these two logits is the sigmoid of the one.
    if (classes === 1 && !isSigmoid) this.#assumed = LOGIT;
    if (classes === 1) this.add({ type: "pad_channels", before: 1, added: 0 }, [value], `${value}.logits`);
    const model = this.#checked(() => network({ ...options, layers: [...this.#layers.values()] }));
    return isSigmoid && classes !== 1 ? multiLabel(model) : model;
  }

  /** What `importOnnx` and `importKeras` give. */
  protected imported(model: Model, weights: NamedWeights): ImportedNetwork {
    return { model, weights, ...(this.#assumed !== undefined && { assumed: this.#assumed }) };
  }

  /**
   * Takes away the sigmoid at the end, for a model gives logits; false if there is none. The largest sigmoid is that of the
   * largest logit. Throws WeightsError for means of sigmoids, and for a hard sigmoid, which no logits are to be had of.
   */
  #leaveOutSigmoid(last: DraftLayer): boolean {
    let layer: DraftLayer | undefined = last;
    let mean: DraftLayer | undefined;
    while (layer && [...MEANS, ...AFTER_SIGMOID].includes(layer.type)) {
      if (MEANS.includes(layer.type)) mean = layer;
      layer = this.#layers.get(layer.from[0]!);
    }
    if (!layer || !("activation" in layer)) return false;
    const { activation, to } = layer;
    if (activation !== "sigmoid" && activation !== "hardsigmoid") return false;
    if (mean || activation === "hardsigmoid") {
      const what = mean ? `${mean.type} at its end takes the mean of` : "ends in";
      throw new WeightsError(
        `${this.source}: ${what} a ${activation} (${to}), of which no logits can be made; export it without that ` +
          `${activation}, ${mean ? "or with a sigmoid after the mean" : "or with a sigmoid in its place"}`,
      );
    }
    layer.activation = "identity";
    return true;
  }

  #checked<T>(build: () => T): T {
    try {
      return build();
    } catch (cause) {
      if (!(cause instanceof WebgraftError)) throw cause;
      throw new WeightsError(`${this.source}: ${cause.message}`, { cause });
    }
  }

  #usesOf(value: string): number {
    return this.#uses.get(value) ?? 0;
  }
}
