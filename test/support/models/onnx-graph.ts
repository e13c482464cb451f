/** Small ONNX graphs, made on the spot: nodes in a row, with seeded weights where layers have them. */
import { concatenate } from "../../../src/base/bytes.ts";
import { Random } from "../../../src/base/random.ts";
import { encodeOnnx, type OnnxNode, type OnnxValue } from "../../../src/formats/onnx/model-proto.ts";

import { Message, MessageWriter } from "../../../src/formats/onnx/protobuf.ts";

type Weights = Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

/** A node with one output, by which it is called. */
export const node = (
  op: string,
  inputs: readonly string[],
  output: string,
  attributes: OnnxNode["attributes"] = {},
): OnnxNode => ({ op, name: output, inputs, outputs: [output], attributes });

/** These nodes, to be appended to a graph. */
export const chain = (...nodes: readonly OnnxNode[]): GraphFile => new GraphFile(nodes);

export class GraphFile {
  readonly #nodes: OnnxNode[];
  readonly #tensors: Weights = new Map();
  readonly #random = new Random(7, "onnx graphs");
  #inputs: OnnxValue[] = [];

  constructor(nodes: readonly OnnxNode[] = []) {
    this.#nodes = [...nodes];
  }

  input(name: string, shape: OnnxValue["shape"]): this {
    this.#inputs = [{ name, shape }];
    return this;
  }

  append({ nodes, tensors }: { readonly nodes: readonly OnnxNode[]; readonly tensors: Weights }): this {
    this.#nodes.push(...nodes);
    for (const [name, tensor] of tensors) this.#tensors.set(name, tensor);
    return this;
  }

  get nodes(): readonly OnnxNode[] {
    return this.#nodes;
  }

  get tensors(): Weights {
    return this.#tensors;
  }

  /** A constant of these numbers, in the file. */
  tensor(name: string, shape: readonly number[], values?: readonly number[]): this {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float32Array.from({ length: size }, (_, i) => values?.[i] ?? this.#random.uniform() - 0.5);
    this.#tensors.set(name, { shape, data });
    return this;
  }

  /** A 3×3 convolution without padding or bias. */
  conv(x: string, to: string, K: number, C: number): this {
    this.tensor(`${to}.weight`, [K, C, 3, 3]);
    return this.append(chain(node("Conv", [x, `${to}.weight`], to)));
  }

  relu(x: string, to: string): this {
    return this.append(chain(node("Relu", [x], to)));
  }

  gemm(x: string, to: string, C: number, K: number): this {
    this.tensor(`${to}.weight`, [K, C]).tensor(`${to}.bias`, [K]);
    const inputs = [x, `${to}.weight`, `${to}.bias`];
    return this.append(chain(node("Gemm", inputs, to, { transB: { int: 1 } })));
  }

  finish(output: string, opset = 17, shape: OnnxValue["shape"] = ["N", "K"]): Uint8Array<ArrayBuffer> {
    return encodeOnnx({
      ...{ name: "graph", opset, inputs: this.#inputs, nodes: this.#nodes, tensors: this.#tensors },
      outputs: [{ name: output, shape }],
    });
  }
}

/** The same file with the values of its tensors in one beside it, one after another, as PyTorch's exporter does. */
export function withExternalData(
  file: Uint8Array,
  name: string,
  extra: Readonly<Record<string, string>> = {},
): { readonly file: Uint8Array<ArrayBuffer>; readonly data: Uint8Array } {
  const parts: Uint8Array[] = [];
  let offset = 0;
  const model = new MessageWriter();
  for (const field of new Message(file, "whole")) {
    if (field.number === 1) model.int(1, field.int());
    else if (field.number !== 7) model.bytes(field.number, field.bytes());
    else {
      model.message(7, (graph) => {
        for (const part of field.message("graph")) {
          if (part.number !== 5) graph.bytes(part.number, part.bytes());
          else graph.message(5, (tensor) => moved(part.message("tensor"), tensor));
        }
      });
    }
  }
  function moved(from: Message, to: MessageWriter): void {
    for (const field of from) {
      if (field.number === 1) to.ints(1, field.ints());
      if (field.number === 2) to.int(2, field.int());
      if (field.number === 8) to.text(8, field.text());
      if (field.number !== 9) continue;
      const bytes = field.bytes();
      const place = { location: name, offset: String(offset), length: String(bytes.length), ...extra };
      for (const [key, value] of Object.entries(place)) to.message(13, (m) => m.text(1, key).text(2, value));
      to.int(14, 1);
      parts.push(bytes);
      offset += bytes.length;
    }
  }
  return { file: model.finish(), data: concatenate(parts) };
}
