import { WeightsError } from "../../base/errors.ts";
import { inspect, type Model } from "../../models/model.ts";
import { fileShape } from "../../weights/layout.ts";
import { type Affine, composed, forChannels, preprocessingOf } from "../affine.ts";
import { checkFlatOrder } from "../flat-order.ts";
import { type DraftLayer, type ImportedNetwork, NetworkBuilder } from "../network-builder.ts";
import { type Folding, fold, OPEN } from "./fold.ts";
import type { OnnxModel, OnnxNode, OnnxTensor } from "./model-proto.ts";

/** The input of a file. */
export interface OnnxImages {
  readonly name: string;
  readonly inputShape: Model["inputShape"];
  /** How many images the file is for; undefined if it is open. */
  readonly batch: number | undefined;
  /** Whether they are (N, H, W, C), until a Transpose. */
  readonly isChannelsLast: boolean;
}

/** The layer types whose weights can take a factor and a summand for each channel. */
export const AFFINE = [
  ...(["conv2d", "conv_transpose2d", "dense"] as const),
  ...(["batch_norm", "group_norm", "layer_norm"] as const),
] as const;
type AffineLayer = Extract<DraftLayer, { type: (typeof AFFINE)[number] }>;

/** A map whose pixels are those of all channels of a group, (N, groups, pixels), as norms take it. */
interface Grouped {
  /** The map's own name. */
  readonly value: string;
  readonly groups: number;
}

/** Collects what the nodes of a file become: layers and weights. */
export class OnnxImporter extends NetworkBuilder {
  readonly #output: string;
  readonly #constants: Map<string, OnnxTensor>;
  readonly #weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  /** How often each layer name has been used. */
  readonly #names = new Map<string, number>();
  readonly #transposed = new Map<OnnxTensor, Float32Array>();
  /** The values whose shape a node asks for, and the shapes (N, C, H, W) or (N, C) of those that are there. */
  readonly #asked: ReadonlySet<string>;
  readonly #shapes = new Map<string, readonly number[]>();
  /** What a softmax makes that ends the network, and is left out. */
  readonly #ends = new Set<string>();
  readonly #inputShape: Model["inputShape"];
  /** Every name in the file, and those that are made up besides. */
  readonly #given: Set<string>;
  /** Names of the images from before what the network does to them. */
  readonly #raw = new Set<string>();
  /** Values in (N, H, W, C) order: the names of the same in (N, C, H, W) order. */
  readonly #channelsFirst = new Map<string, string>();
  /** Values that are maps flattened in (H, W, C) order, and those extents. */
  readonly #flat = new Map<string, readonly number[]>();
  /** Maps by groups of channels, by the names that they have so. */
  readonly #grouped = new Map<string, Grouped>();
  /** The operators that take a value. */
  readonly #takers = new Map<string, string[]>();
  /** What the network does to its images first. */
  #normalisation: Affine | undefined;
  /** The number of images that the file is for; undefined if it is open. */
  readonly batch: number | undefined;

  constructor(
    { tensors, outputs }: OnnxModel,
    source: string,
    { name: images, inputShape, batch, isChannelsLast }: OnnxImages,
    nodes: readonly OnnxNode[],
  ) {
    const output = outputs[0]!.name;
    const takers = nodes.filter(({ op }) => op !== "Shape");
    super(source, images, [output, ...takers.flatMap((node) => node.inputs)]);
    this.#output = output;
    this.#inputShape = inputShape;
    this.batch = batch;
    this.#asked = new Set(nodes.filter(({ op }) => op === "Shape").map(({ inputs }) => inputs[0] ?? ""));
    this.#constants = new Map(tensors);
    this.#given = new Set([images, "images", ...tensors.keys()]);
    for (const name of nodes.flatMap((node) => node.outputs.filter(Boolean))) {
      if (this.#given.has(name)) throw new WeightsError(`${source}: two values are called "${name}"`);
      this.#given.add(name);
    }
    for (const { op, inputs } of nodes)
      for (const name of inputs) this.#takers.set(name, [...(this.#takers.get(name) ?? []), op]);
    if (isChannelsLast) {
      const first = this.fresh(`${images} (N, C, H, W)`);
      this.alias(first, "images");
      this.#channelsFirst.set(images, first);
    }
  }

  constant(name: string): OnnxTensor | undefined {
    return this.#constants.get(name);
  }

  /** Computes a node that depends on nothing but constants and shapes; false for any other. */
  fold(node: OnnxNode, fail: Folding["fail"]): boolean {
    const tensor = fold({
      node,
      constant: (index) => this.#constants.get(node.inputs[index] ?? ""),
      shape: () => this.#shapes.get(node.inputs[0] ?? ""),
      fail,
    });
    if (tensor) this.#constants.set(node.outputs[0]!, tensor);
    return tensor !== undefined;
  }

  /** Notes the shape of a value that has just been made, before what follows it is merged into its layer. */
  made(name: string): void {
    if (!this.#asked.has(name)) return;
    const first = this.#channelsFirst.get(name);
    const shape = this.shapeOf(super.value(first ?? name)!);
    this.#shapes.set(name, first ? [0, 2, 3, 1].map((axis) => shape[axis]!) : shape);
  }

  /** The shape (N, C, H, W) or (N, C) of a value, with `OPEN` for N. */
  shapeOf(value: string): readonly number[] {
    const [, ...extents] = this.extents(value, this.#inputShape);
    return [OPEN, extents.at(-1)!, ...extents.slice(0, -1)];
  }

  override value(name: string): string | undefined {
    if (this.#ends.has(name) && name !== this.#output) {
      throw new WeightsError(`${this.source}: goes on after a softmax`);
    }
    if (this.#raw.has(name)) {
      throw new WeightsError(
        `${this.source}: takes the images "${name}" from before what is done to all of them`,
      );
    }
    return super.value(name);
  }

  /** Whether a value is the images, perhaps normalised or cast. */
  isImages(name: string): boolean {
    return super.value(name) === "images" && !this.#raw.has(name);
  }

  /** The name of a value in (N, C, H, W) order, if by this name it is in (N, H, W, C) order. */
  channelsFirst(name: string): string | undefined {
    return this.#channelsFirst.get(name);
  }

  /** Declares that a value is in (N, H, W, C) order; returns the name by which it is to be made in (N, C, H, W) order. */
  declareChannelsLast(name: string): string {
    const first = this.fresh(`${name} (N, C, H, W)`);
    this.#channelsFirst.set(name, first);
    this.expectUses(first, name);
    return first;
  }

  /** The extents (H, W, C) of a map that has been flattened in this order. */
  flatExtents(name: string): readonly number[] | undefined {
    return this.#flat.get(name);
  }

  declareFlat(name: string, extents: readonly number[]): void {
    this.#flat.set(name, extents);
  }

  /** The map of which a value is the channels by groups. */
  grouped(name: string): Grouped | undefined {
    return this.#grouped.get(name);
  }

  declareGrouped(name: string, grouped: Grouped): void {
    this.#grouped.set(name, grouped);
  }

  /** Whether this is any number of images: open (-1, or that of another value), copied (0), or the file's own. */
  isBatch(images: number | undefined): boolean {
    return [-1, 0, 1, this.batch].includes(images) || Number.isNaN(images);
  }

  /** Whether nothing but this operator takes a value. */
  isOnlyFor(name: string, operator: string): boolean {
    return name !== this.#output && this.#takers.get(name)?.every((op) => op === operator) === true;
  }

  /** Adds a constant; returns its name. */
  addConstant(wanted: string, tensor: OnnxTensor): string {
    const name = this.fresh(wanted);
    this.#constants.set(name, tensor);
    return name;
  }

  get channels(): number {
    return this.#inputShape[2];
  }

  /** A value in one order gets a name in the other. */
  transpose(from: string, name: string): void {
    const first = this.#channelsFirst.get(from);
    if (first) this.pass(name, first);
    else {
      this.alias(name, this.value(from)!);
      this.#channelsFirst.set(name, from);
    }
  }

  /** The images of `from` become `name`, all of them. */
  normalise(from: string, name: string, affine: Affine): void {
    if (this.takesImages) {
      throw new WeightsError(
        `${this.source}: takes the images both before and after "${name}", which changes them`,
      );
    }
    const before = this.#normalisation ?? { scale: [1], shift: [0] };
    this.#normalisation = composed(before, affine, this.channels);
    this.pass(name, from);
    for (const other of this.#given)
      if (other !== name && super.value(other) === "images") this.#raw.add(other);
  }

  /** Multiplies what a layer makes, and adds to it, by changing its weights. */
  scale(layer: AffineLayer, affine: Affine): void {
    const { shape, data } = this.#weights.get(`${layer.name}.weight`)!;
    const channels = layer.type === "conv_transpose2d" ? layer.outChannels : shape[0]!;
    const [scale, shift] = [forChannels(affine.scale, channels), forChannels(affine.shift, channels)];
    const bias = this.#weights.get(`${layer.name}.bias`)?.data;
    if (scale.some((s) => s !== 1)) {
      const channelOf = channelsOf(layer, shape);
      this.weight(
        `${layer.name}.weight`,
        shape,
        data.map((value, i) => value * scale[channelOf(i)]!),
      );
    }
    if ("bias" in layer) layer.bias ||= shift.some((t) => t !== 0);
    if ("bias" in layer && !layer.bias) return;
    const shifted = Float32Array.from(shift, (t, k) => scale[k]! * (bias?.[k] ?? 0) + t);
    this.weight(`${layer.name}.bias`, [channels], shifted);
  }

  /** A name that no value of the file has. */
  fresh(wanted: string): string {
    let name = wanted;
    while (this.#given.has(name)) name += "_";
    this.#given.add(name);
    return name;
  }

  softmax(name: string, value: string): void {
    this.alias(name, value);
    this.#ends.add(name);
  }

  /** A node that changes nothing, which may follow the softmax too; false if there is no such value. */
  pass(name: string, from: string): boolean {
    const value = super.value(from);
    if (value === undefined) return false;
    this.alias(name, value);
    if (this.#ends.has(from)) this.#ends.add(name);
    return true;
  }

  /** Names a layer with parameters after its weight or its node. */
  layerName(node: OnnxNode, weight: string): string {
    const wanted = weight.endsWith(".weight") ? weight.slice(0, -".weight".length) : scopeOf(node) || weight;
    const times = (this.#names.get(wanted) ?? 0) + 1;
    this.#names.set(wanted, times);
    return times === 1 ? wanted : `${wanted}_${times}`;
  }

  weight(name: string, shape: readonly number[], data: Float32Array): void {
    this.#weights.set(name, { shape, data });
  }

  /** The values of a (C, K) tensor as (K, C); made once, even if several layers share them. */
  transposed(tensor: OnnxTensor): Float32Array {
    const done = this.#transposed.get(tensor);
    if (done) return done;
    const [C, K] = tensor.shape as [number, number];
    const values = tensor.floats();
    const result = new Float32Array(values.length);
    for (let c = 0; c < C; c++) for (let k = 0; k < K; k++) result[k * C + c] = values[c * K + k]!;
    this.#transposed.set(tensor, result);
    return result;
  }

  finish(): ImportedNetwork {
    if (this.#ends.size > 0 && !this.#ends.has(this.#output)) {
      throw new WeightsError(`${this.source}: goes on after a softmax`);
    }
    const inputShape = this.#inputShape;
    const normalisation = this.#normalisation;
    const preprocessing = normalisation && preprocessingOf(normalisation, inputShape);
    if (normalisation && !preprocessing) {
      const { scale, shift } = normalisation;
      const what = `multiplies its images by ${scale.join(", ")} and adds ${shift.join(", ")}`;
      throw new WeightsError(`${this.source}: ${what}, which is no mean and standard deviation`);
    }
    const options = { inputShape, ...(preprocessing && { preprocessing }) };
    const model = this.network(this.#flatOutput(), options);
    const graph = inspect(model);
    checkFlatOrder(graph, this.source);
    const problems = [...graph.parameters, ...graph.states].flatMap((variable) => {
      const shape = fileShape(variable).join(", ");
      const given = this.#weights.get(variable.name)?.shape.join(", ");
      return given === shape ? [] : [`${variable.name} should be (${shape}) and is (${given})`];
    });
    if (problems.length > 0) throw new WeightsError(`${this.source}: ${problems.join("; ")}`);
    return this.imported(model, this.#weights);
  }

  /** The output, flattened if it is (N, C, 1, 1). */
  #flatOutput(): string {
    const output = this.#channelsFirst.get(this.#output) ?? this.#output;
    const value = super.value(output);
    if (value === undefined || value === "images") return output;
    const [, , ...pixels] = this.shapeOf(value);
    if (pixels.length === 0 || pixels.some((extent) => extent !== 1)) return output;
    const to = this.fresh(`${this.#output}.flatten`);
    this.flatten(value, undefined, to);
    return to;
  }
}

/**
 * The module from which PyTorch's exporter made a node: `/layer1/layer1.0/conv1/Conv` is `layer1.0.conv1`. A segment
 * that begins with the one before it repeats it. Other names stay as they are.
 */
function scopeOf({ name, op }: OnnxNode): string {
  if (!name.startsWith("/")) return name;
  const segments = name.split("/").filter(Boolean);
  if (segments.at(-1)?.replace(/_\d+$/, "") === op) segments.pop();
  const scope: string[] = [];
  for (const segment of segments) {
    if (scope.length > 0 && segment.startsWith(`${scope.at(-1)}.`)) scope.pop();
    scope.push(segment);
  }
  return scope.join(".");
}

/** The output channel of each number of a layer's weight, which has this shape in the file. */
function channelsOf(layer: AffineLayer, shape: readonly number[]): (index: number) => number {
  const [C, ...rest] = shape as [number, ...number[]];
  const each = rest.reduce((product, extent) => product * extent, 1);
  if (layer.type !== "conv_transpose2d") return (i) => Math.floor(i / each);
  // (C, K/groups, R, S), where input channels know their group.
  const [own] = rest as [number];
  const taps = each / own;
  return (i) => Math.floor(i / each / (C / layer.groups)) * own + (Math.floor(i / taps) % own);
}
