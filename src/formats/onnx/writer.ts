import type { Tensor } from "../../graph/tensor.ts";
import type { Activation } from "../../ops/elementwise/activation.ts";
import type { OnnxAttribute, OnnxNode } from "./model-proto.ts";

export type Attributes = Readonly<Record<string, OnnxAttribute>>;

/** Collects nodes and names values. */
export class Writer {
  readonly nodes: OnnxNode[] = [];
  readonly #tensors: Map<string, { shape: readonly number[]; data: Float32Array }>;
  readonly #names = new Map<Tensor, string>();
  readonly #taken: Set<string>;

  constructor(tensors: Map<string, { shape: readonly number[]; data: Float32Array }>) {
    this.#tensors = tensors;
    this.#taken = new Set(["images", "logits", "probabilities", ...tensors.keys()]);
  }

  /** The name of a tensor's value. */
  of(tensor: Tensor): string {
    return this.#names.get(tensor) ?? tensor.name;
  }

  name(tensor: Tensor, name: string): void {
    this.#names.set(tensor, name);
  }

  /** Appends a node; returns the name of its value and of itself, `label` with a number if it is taken. */
  node(
    op: string,
    label: string,
    inputs: readonly string[],
    attributes: Attributes = {},
    output = this.#unique(label),
  ): string {
    this.nodes.push({ op, name: output, inputs, outputs: [output], attributes });
    return output;
  }

  /** The node that makes a tensor's value. */
  madeBy(tensor: Tensor): OnnxNode | undefined {
    return this.nodes.find(({ outputs }) => outputs[0] === this.of(tensor));
  }

  /** Gives the last node, which makes `value`, another output. */
  alsoMakes(value: string, label: string): void {
    const node = this.nodes.pop()!;
    this.nodes.push({ ...node, outputs: [value, this.#unique(label)] });
  }

  /** Appends a constant of whole numbers. */
  ints(label: string, ints: readonly number[]): string {
    return this.node("Constant", label, [], { value_ints: { ints } });
  }

  /** A vector (N, C) as a map (N, C, 1, 1), to be broadcast to pixels; one that was flattened from such a map as that. */
  asMap(tensor: Tensor): string {
    const value = this.of(tensor);
    const flatten = this.madeBy(tensor);
    if (flatten?.op === "Flatten") return flatten.inputs[0]!;
    return this.node("Unsqueeze", `${value}.map`, [value, this.ints(`${value}.axes`, [2, 3])]);
  }

  /** A tensor of one number for each channel (C), to be broadcast to the pixels of a map: (C, 1, 1). */
  perChannel(tensor: Tensor, to: Tensor): string {
    const value = this.of(tensor);
    if (to.shape.length !== 4) return value;
    return this.node("Unsqueeze", `${value}.map`, [value, this.ints(`${value}.axes`, [1, 2])]);
  }

  constant(label: string, value: number): string {
    return this.tensor(label, [], value);
  }

  /** Adds a tensor to the file; returns its name. */
  tensor(label: string, shape: readonly number[], values: number | readonly number[]): string {
    const name = this.#unique(label);
    this.#tensors.set(name, { shape, data: Float32Array.from([values].flat()) });
    return name;
  }

  /** Appends nodes for an activation of a value. */
  activation(label: string, x: string, { name, alpha = 0, beta = 0 }: Activation): string {
    const node = (op: string, inputs: readonly string[], attributes: Attributes = {}) =>
      this.node(op, `${label}.${op.toLowerCase()}`, inputs, attributes);
    const constant = (value: number) => this.constant(`${label}.${value}`, value);
    switch (name) {
      case "identity":
        return x;
      case "relu":
        return node("Relu", [x]);
      case "relu6":
        return node("Clip", [x, constant(0), constant(6)]);
      case "hardtanh":
        return node("Clip", [x, constant(alpha), constant(beta)]);
      case "leaky_relu":
        return node("LeakyRelu", [x], { alpha: { float: alpha } });
      case "elu":
        return node("Elu", [x], { alpha: { float: alpha } });
      case "tanh":
        return node("Tanh", [x]);
      case "sigmoid":
        return node("Sigmoid", [x]);
      case "hardswish":
        return node("HardSwish", [x]);
      case "hardsigmoid":
        return node("HardSigmoid", [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
      case "softplus":
        return node("Softplus", [x]);
      case "silu":
        return node("Mul", [x, node("Sigmoid", [x])]);
      case "gelu": {
        const phi = node("Erf", [node("Mul", [x, constant(Math.SQRT1_2)])]);
        return node("Mul", [node("Mul", [x, constant(0.5)]), node("Add", [phi, constant(1)])]);
      }
      case "gelu_tanh": {
        const cube = node("Mul", [node("Mul", [x, x]), x]);
        const inner = node("Add", [x, node("Mul", [cube, constant(0.044715)])]);
        const tanh = node("Tanh", [node("Mul", [inner, constant(Math.sqrt(2 / Math.PI))])]);
        return node("Mul", [node("Mul", [x, constant(0.5)]), node("Add", [tanh, constant(1)])]);
      }
    }
  }

  #unique(label: string): string {
    let name = label;
    for (let i = 2; this.#taken.has(name); i++) name = `${label}_${i}`;
    this.#taken.add(name);
    return name;
  }
}
