import { WeightsError } from "../../base/errors.ts";
import { inspect, type Model } from "../../models/model.ts";
import { fileShape } from "../../weights/layout.ts";
import type { NamedWeights } from "../../weights/tensors.ts";
import { checkFlatOrder } from "../flat-order.ts";
import { NetworkBuilder } from "../network-builder.ts";
import { type Folding, fold, OPEN } from "./fold.ts";
import type { OnnxModel, OnnxNode, OnnxTensor } from "./model-proto.ts";

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
  /** The number of images that the file is for; undefined if it is open. */
  readonly batch: number | undefined;

  constructor(
    { tensors, outputs, batch }: Pick<OnnxModel, "tensors" | "outputs"> & { readonly batch?: number },
    source: string,
    images: string,
    nodes: readonly OnnxNode[],
    inputShape: Model["inputShape"],
  ) {
    const output = outputs[0]!.name;
    const takers = nodes.filter(({ op }) => op !== "Shape");
    super(source, images, [output, ...takers.flatMap((node) => node.inputs)]);
    this.#output = output;
    this.#inputShape = inputShape;
    this.batch = batch;
    this.#asked = new Set(nodes.filter(({ op }) => op === "Shape").map(({ inputs }) => inputs[0] ?? ""));
    if (this.#asked.size > MOST_SHAPES) {
      throw new WeightsError(
        `${source}: computes with the shapes of ${this.#asked.size} values, where at most ${MOST_SHAPES} are read`,
      );
    }
    this.#constants = new Map(tensors);
    const given = new Set([images, "images", ...tensors.keys()]);
    for (const name of nodes.flatMap((node) => node.outputs.filter(Boolean))) {
      if (given.has(name)) throw new WeightsError(`${source}: two values are called "${name}"`);
      given.add(name);
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
    if (this.#asked.has(name)) this.#shapes.set(name, this.shapeOf(super.value(name)!));
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
    return super.value(name);
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

  finish(): { model: Model; weights: NamedWeights } {
    if (this.#ends.size > 0 && !this.#ends.has(this.#output)) {
      throw new WeightsError(`${this.source}: goes on after a softmax`);
    }
    const inputShape = this.#inputShape;
    const model = this.network(this.#flatOutput(), { inputShape });
    const graph = inspect(model);
    checkFlatOrder(graph, this.source);
    const problems = [...graph.parameters, ...graph.states].flatMap((variable) => {
      const shape = fileShape(variable).join(", ");
      const given = this.#weights.get(variable.name)?.shape.join(", ");
      return given === shape ? [] : [`${variable.name} should be (${shape}) and is (${given})`];
    });
    if (problems.length > 0) throw new WeightsError(`${this.source}: ${problems.join("; ")}`);
    return { model, weights: this.#weights };
  }

  /** The output, flattened if it is (N, C, 1, 1). */
  #flatOutput(): string {
    const value = super.value(this.#output);
    if (value === undefined || value === "images") return this.#output;
    const [, , ...pixels] = this.shapeOf(value);
    if (pixels.length === 0 || pixels.some((extent) => extent !== 1)) return this.#output;
    const to = `${this.#output}.flatten`;
    this.flatten(value, undefined, to);
    return to;
  }
}

/** Limit on the values whose shapes a file computes with. */
const MOST_SHAPES = 500;

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
