import { WeightsError } from "../../base/errors.ts";
import type { Pair } from "../../base/window.ts";
import type { NetworkPadding } from "../../models/topologies/network.ts";
import type { OnnxImporter } from "./importer.ts";
import type { OnnxNode, OnnxTensor } from "./model-proto.ts";

/** Limit on kernel sizes, strides, dilations and padding, beyond those of any network. */
export const MAX_EXTENT = 65_535;

/** How nodes of an operator are read. */
export type Operator = (node: Reading, into: OnnxImporter) => void;

/** Reads a node, with the defaults of its operator. The methods throw WeightsError for what cannot be read. */
export class Reading {
  readonly node: OnnxNode;
  readonly #importer: OnnxImporter;

  constructor(node: OnnxNode, importer: OnnxImporter) {
    this.node = node;
    this.#importer = importer;
    if (!node.outputs[0]) this.fail("has no output");
  }

  fail(reason: string): never {
    const { op, name, outputs } = this.node;
    throw new WeightsError(`${this.#importer.source}: ${op} "${name || outputs[0] || ""}" ${reason}`);
  }

  get output(): string {
    return this.node.outputs[0]!;
  }

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  /** An input that another node computes. */
  value(index = 0): string {
    const name = this.node.inputs[index] ?? "";
    if (this.isConstant(index)) {
      this.fail(`takes "${name}", a constant, where only what is computed from the images can be read`);
    }
    const value = this.#importer.value(name);
    return value ?? this.fail(`takes "${name}", which no node before it makes`);
  }

  /** An input stored in the file. */
  constant(index: number): OnnxTensor {
    const name = this.node.inputs[index] ?? "";
    return this.#importer.constant(name) ?? this.fail(`takes "${name}", which is not among the initialisers`);
  }

  isConstant(index: number): boolean {
    return this.#importer.constant(this.node.inputs[index] ?? "") !== undefined;
  }

  int(name: string, otherwise: number): number {
    return this.node.attributes[name]?.int ?? otherwise;
  }

  float(name: string, otherwise: number): number {
    const value = this.node.attributes[name]?.float ?? otherwise;
    return Number.isFinite(value) ? decimal(value) : this.fail(`has ${name} ${value}`);
  }

  /** Throws unless an attribute, if given, has the only value that is read. */
  expect(name: string, only: number): void {
    const { int, float } = this.node.attributes[name] ?? {};
    const given = int ?? float ?? only;
    if (given !== only) this.fail(`has ${name} ${given} instead of ${only}`);
  }

  extents(name: string, otherwise: readonly number[], least: number): readonly number[] {
    const given = this.node.attributes[name]?.ints ?? otherwise;
    const sound = given.every((n) => Number.isInteger(n) && n >= least && n <= MAX_EXTENT);
    if (given.length !== otherwise.length || !sound) this.fail(`has ${name} [${given.join(", ")}]`);
    return given;
  }

  pair(name: string, otherwise: Pair = [1, 1]): Pair {
    return this.extents(name, otherwise, 1) as unknown as Pair;
  }

  padding(): NetworkPadding {
    const auto = this.node.attributes.auto_pad?.text ?? "NOTSET";
    const [top, left, bottom, right] = this.extents("pads", [0, 0, 0, 0], 0) as [
      number,
      number,
      number,
      number,
    ];
    if (auto === "NOTSET") return [top, bottom, left, right];
    if (auto === "VALID") return "valid";
    if (auto === "SAME_UPPER") return "same";
    if (auto === "SAME_LOWER") return "same_lower";
    return this.fail(`has auto_pad ${auto}`);
  }

  /** The windows of a pooling. */
  windows(): { kernelSize: Pair; stride: Pair; padding: NetworkPadding; ceilMode?: boolean } {
    if (!this.node.attributes.kernel_shape) this.fail("has no kernel_shape");
    if (this.pair("dilations").some((d) => d !== 1)) this.fail("has dilations, which pools here cannot have");
    const ceilMode = this.int("ceil_mode", 0) !== 0;
    const window = { kernelSize: this.pair("kernel_shape"), stride: this.pair("strides") };
    return { ...window, padding: this.padding(), ...(ceilMode && { ceilMode }) };
  }
}

/** The decimal number that an f32 stands for: 1e-5 rather than 9.999999747378752e-6. */
export const decimal = (value: number): number => Number(value.toPrecision(7));

/** A node that changes nothing. */
export const pass: Operator = (node, into) => {
  if (!into.pass(node.output, node.node.inputs[0] ?? "")) node.value();
};
