/** One layer of a Keras file: its options, with the defaults of its class, and the values that it takes. */
import { WeightsError } from "../../base/errors.ts";
import { show } from "../../base/schema.ts";
import type { Pads, Pair } from "../../base/window.ts";
import type { ActivationLike } from "../../layers/index.ts";
import type { NetworkPadding } from "../../models/topologies/network.ts";
import type { KerasImporter } from "./importer.ts";
import type { KerasLayer } from "./topology.ts";

/** Limit on strides and the like, beyond those of any network. */
const MAX_EXTENT = 65_535;

export const isExtent = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_EXTENT;

/** Reads a layer. The methods throw WeightsError for what cannot be read. */
export class Reading {
  readonly layer: KerasLayer;
  readonly #importer: KerasImporter;

  constructor(layer: KerasLayer, importer: KerasImporter) {
    this.layer = layer;
    this.#importer = importer;
    this.expect("data_format", "channels_last");
  }

  fail(reason: string): never {
    throw new WeightsError(`${this.#importer.source}: ${this.layer.type} "${this.layer.name}" ${reason}`);
  }

  get name(): string {
    return this.layer.name;
  }

  option(name: string): unknown {
    return this.layer.config[name] ?? undefined;
  }

  /** The file's name of the value that it takes. */
  get input(): string {
    const name = this.layer.operands.find((operand) => typeof operand === "string");
    return name ?? this.fail("takes no value of another layer");
  }

  /** The value that it takes, with zeros around it only if `mayBePadded`. */
  value(mayBePadded = false): string {
    return this.#valueOf(this.input, mayBePadded);
  }

  values(): string[] {
    const names = this.layer.operands.filter((operand) => typeof operand === "string");
    if (names.length < 2) this.fail("joins fewer than two values");
    return names.map((name) => this.#valueOf(name, false));
  }

  #valueOf(name: string, mayBePadded: boolean): string {
    const value = this.#importer.value(name, mayBePadded);
    return value ?? this.fail(`takes "${name}", which no layer before it makes`);
  }

  /** The constant beside the value that it takes, and whether it comes first; undefined if it takes none. */
  constant(): { readonly numbers: readonly number[]; readonly isFirst: boolean } | undefined {
    const { operands } = this.layer;
    const index = operands.findIndex((operand) => typeof operand !== "string");
    if (index < 0) return undefined;
    if (operands.length !== 2)
      return this.fail(`takes ${operands.length} values and constants instead of two`);
    return { numbers: operands[index] as readonly number[], isFirst: index === 0 };
  }

  /** Throws unless an option, if given, has one of the values that are read. */
  expect(option: string, ...allowed: readonly unknown[]): void {
    const given = this.option(option);
    if (given === undefined || allowed.includes(given)) return;
    const known = allowed.map((value) => show(value)).join(" or ");
    this.fail(`has ${option} ${show(given)} instead of ${known}`);
  }

  number(option: string, otherwise: number): number {
    const given = this.option(option) ?? otherwise;
    if (typeof given === "number" && Number.isFinite(given)) return given;
    return this.fail(`has ${option} ${show(given)}`);
  }

  /** One number, or one for each channel. */
  numbers(option: string, otherwise: number): readonly number[] {
    const given = this.option(option) ?? otherwise;
    const all = Array.isArray(given) ? given.flat(3) : [given];
    if (all.length > 0 && all.every((n) => Number.isFinite(n))) return all as number[];
    return this.fail(`has ${option} ${show(given)}`);
  }

  count(option: string, otherwise?: number): number {
    const given = this.option(option) ?? otherwise;
    return isExtent(given) ? given : this.fail(`has ${option} ${show(given)}`);
  }

  pair(option: string, otherwise?: Pair): Pair {
    const given = this.option(option) ?? otherwise;
    const both = Array.isArray(given) ? given : [given, given];
    if (both.length === 2 && both.every((e) => isExtent(e))) return both as unknown as Pair;
    return this.fail(`has ${option} ${show(given)}`);
  }

  /** Two whole numbers, or one for both. */
  counts(option: string): Pair {
    const given = this.option(option);
    const both = Array.isArray(given) ? given : [given, given];
    if (both.length === 2 && both.every((n) => n === 0 || isExtent(n))) return both as unknown as Pair;
    return this.fail(`has ${option} ${show(given)}`);
  }

  /** Pixels at each side: [[top, bottom], [left, right]], [height, width] or one number. */
  sides(option: string): Pads {
    const given = this.option(option);
    const [rows, columns] = Array.isArray(given) ? given : [given, given];
    const flat = [rows, columns].flatMap((side) => (Array.isArray(side) ? side : [side, side]));
    if (flat.length === 4 && flat.every((n) => n === 0 || isExtent(n))) return flat as unknown as Pads;
    return this.fail(`has ${option} ${show(given)}`);
  }

  /** Its own padding, or that of a ZeroPadding2D before it, of which `value(true)` knows. */
  padding(): NetworkPadding {
    this.expect("padding", "same", "valid");
    if (this.option("padding") === "same") return "same";
    return this.#importer.padsOf(this.input) ?? "valid";
  }

  /** Whether it can add the zeros around its value itself. */
  get takesPads(): boolean {
    return this.option("padding") !== "same";
  }

  /** The windows of a pooling. */
  windows(): { kernelSize: Pair; stride: Pair; padding: NetworkPadding } {
    const kernelSize = this.pair("pool_size", [2, 2]);
    return { kernelSize, stride: this.pair("strides", kernelSize), padding: this.padding() };
  }

  /** The layer's own activation; undefined for none and for a softmax. */
  activation(): { activation?: ActivationLike; softmax: boolean } {
    const given = this.option("activation") ?? "linear";
    // Keras 3 writes functions and layers as records.
    const { class_name: type, config } = typeof given === "object" ? (given as Record<string, unknown>) : {};
    if (type !== undefined && type !== "function") {
      const layer = {
        ...this.layer,
        type: typeof type === "string" ? type : show(type),
        config: Object(config),
      };
      return { activation: layerActivation(new Reading(layer, this.#importer)), softmax: false };
    }
    const name = type === "function" ? config : given;
    if (name === "softmax") return { softmax: true };
    if (name === "linear") return { softmax: false };
    if (name === "hard_sigmoid") return { activation: this.#hardSigmoid(), softmax: false };
    if (typeof name === "string" && Object.hasOwn(ACTIVATIONS, name)) {
      return { activation: ACTIVATIONS[name]!, softmax: false };
    }
    return this.fail(`has the activation ${show(name)}; read are ${Object.keys(ACTIVATIONS).join(", ")}`);
  }

  #hardSigmoid(): ActivationLike {
    if (this.#importer.version >= 3) return "hardsigmoid";
    return this.fail(
      "has the activation hard_sigmoid of Keras 2, clip(0.2x + 0.5, 0, 1); read is that of Keras 3, relu6(x + 3) / 6",
    );
  }
}

const ACTIVATIONS: Readonly<Record<string, ActivationLike>> = {
  relu: "relu",
  relu6: "relu6",
  leaky_relu: { name: "leaky_relu", alpha: 0.2 },
  elu: "elu",
  gelu: "gelu",
  silu: "silu",
  swish: "silu",
  hard_silu: "hardswish",
  hard_swish: "hardswish",
  tanh: "tanh",
  sigmoid: "sigmoid",
  softplus: "softplus",
};

/** What a layer computes that is an activation, alone or as another layer's. */
export function layerActivation(layer: Reading): ActivationLike {
  switch (layer.layer.type) {
    case "ReLU":
      return relu(layer);
    case "LeakyReLU":
      return { name: "leaky_relu", alpha: layer.number("negative_slope", layer.number("alpha", 0.3)) };
    case "ELU":
      return { name: "elu", alpha: layer.number("alpha", 1) };
    default:
      return layer.fail("is not read as an activation");
  }
}

function relu(layer: Reading): ActivationLike {
  if (layer.number("threshold", 0) !== 0) layer.fail("has a threshold, which is not read");
  const slope = layer.number("negative_slope", 0);
  const most = layer.option("max_value");
  if (most !== undefined && (most !== 6 || slope !== 0)) {
    layer.fail(`has max_value ${show(most)}; read are 6 and none, a negative_slope only without it`);
  }
  if (slope !== 0) return { name: "leaky_relu", alpha: slope };
  return most === undefined ? "relu" : "relu6";
}
