import { WeightsError } from "../../base/errors.ts";
import { inspect, type Model } from "../../models/model.ts";
import { fileShape } from "../../weights/layout.ts";
import type { NamedWeights } from "../../weights/tensors.ts";
import { checkFlatOrder } from "../flat-order.ts";
import { NetworkBuilder } from "../network-builder.ts";
import type { OnnxModel, OnnxNode, OnnxTensor } from "./model-proto.ts";

/** Collects what the nodes of a file become: layers and weights. */
export class OnnxImporter extends NetworkBuilder {
  readonly #output: string;
  readonly #constants: Map<string, OnnxTensor>;
  readonly #weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  /** How often each layer name has been used. */
  readonly #names = new Map<string, number>();
  readonly #transposed = new Map<OnnxTensor, Float32Array>();
  /** Whether the network has ended, with a softmax that is left out. */
  #ended = false;

  constructor({ tensors, outputs }: OnnxModel, source: string, images: string, nodes: readonly OnnxNode[]) {
    const output = outputs[0]!.name;
    super(source, images, [output, ...nodes.flatMap((node) => node.inputs)]);
    this.#output = output;
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

  setConstant(name: string, tensor: OnnxTensor): void {
    this.#constants.set(name, tensor);
  }

  override value(name: string): string | undefined {
    if (this.#ended && name !== this.#output)
      throw new WeightsError(`${this.source}: goes on after a softmax`);
    return super.value(name);
  }

  softmax(name: string, value: string): void {
    this.alias(name, value);
    this.#ended = true;
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

  finish(inputShape: readonly [number, number, number]): { model: Model; weights: NamedWeights } {
    const model = this.network(this.#output, { inputShape });
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
