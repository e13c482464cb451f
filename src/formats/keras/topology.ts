/** The layers of a Keras model, as its JSON has them, with the models that are nested in it written out. */
import { WeightsError } from "../../base/errors.ts";
import {
  anyObject,
  anything,
  check,
  list,
  object,
  oneOf,
  optional,
  show,
  string,
  type TypeOf,
} from "../../base/schema.ts";

type Json = Readonly<Record<string, unknown>>;

export interface KerasLayer {
  /** `Conv2D`. */
  readonly type: string;
  /** Unique in the file: a nested model's name is before those of its layers, `base/conv1`. */
  readonly name: string;
  /** The same in parts. */
  readonly path: readonly string[];
  readonly config: Json;
  /** The layers whose values it uses, and constants between them. */
  readonly operands: readonly (string | readonly number[])[];
}

export interface Topology {
  /** In the file's order. */
  readonly layers: readonly KerasLayer[];
  /** The layer whose value the model outputs. */
  readonly output: string;
  /** Of the images, (N, H, W, C), as the file has it. */
  readonly inputShape: unknown;
}

/** Limit on models in models; transfer learning makes two or three. */
const MAX_DEPTH = 16;
/** Limit on the layers of a file; networks that are read here have hundreds. */
const MAX_LAYERS = 5_000;

const layerSchema = object({
  class_name: string,
  config: anything,
  name: optional(string),
  inbound_nodes: optional(list(anything)),
});
const functionalSchema = object({ layers: list(layerSchema, 1), output_layers: anything });
const MODELS = ["Sequential", "Functional", "Model"] as const;

/** A model, wherever the file has it. */
const modelSchema = object({ class_name: oneOf(MODELS), config: anything });
type KerasModel = TypeOf<typeof modelSchema>;
type RawLayer = TypeOf<typeof layerSchema>;

const isModel = (layer: RawLayer): layer is RawLayer & KerasModel =>
  (MODELS as readonly string[]).includes(layer.class_name);

/** Keras 2's functions of tensors, by the names of Keras 3's. */
const FUNCTIONS: Readonly<Record<string, string>> = {
  "math.add": "Add",
  "__operators__.add": "Add",
  "nn.bias_add": "Add",
  "math.subtract": "Subtract",
  "math.multiply": "Multiply",
  "math.truediv": "TrueDivide",
};

/** Reads a model. Throws WeightsError, naming `source`, if it is malformed. */
export function readTopology(given: unknown, source: string): Topology {
  const model = check(modelSchema, given, `${source}: modelTopology`, WeightsError);
  const writer = new Writer(source);
  const output = writer.write(model, [], undefined);
  return { layers: writer.layers, output, inputShape: inputShapeOf(model) };
}

class Writer {
  readonly layers: KerasLayer[] = [];
  readonly #source: string;
  readonly #names = new Set<string>();

  constructor(source: string) {
    this.#source = source;
  }

  /** Writes a model's layers, which take the value `input`, or if that is undefined the images. Returns its output. */
  write(
    { class_name: type, config }: KerasModel,
    path: readonly string[],
    input: string | undefined,
  ): string {
    if (path.length > MAX_DEPTH) this.#fail(`nests more than ${MAX_DEPTH} models`);
    const what = path.length > 0 ? `the model "${path.join("/")}"` : "";
    if (type === "Sequential") return this.#sequence(layersOf(config, this.#source), path, input);
    const { layers, output_layers: outputs } = this.#check(functionalSchema, config, "config");
    const inputs = layers.filter((layer) => layer.class_name === "InputLayer");
    const ends = outputs === undefined ? [] : operandsOf(outputs).filter((end) => typeof end === "string");
    for (const [kind, { length }] of [
      ["input", inputs],
      ["output", ends],
    ] as const) {
      if (length !== 1) this.#fail(`${what} has ${length} ${kind}s instead of one`.trim());
    }
    const name = (layer: string): string => [...path, layer].join("/");
    for (const layer of layers) {
      const { inbound_nodes: nodes = [] } = layer;
      if (nodes.length > 1) {
        this.#fail(
          `${layer.class_name} "${name(nameOf(layer) ?? "")}" is applied ${nodes.length} times, to share its weights, where ` +
            "each layer can be read only once; give each place a layer of its own",
        );
      }
      const taken = operandsOf(nodes).map((operand) =>
        typeof operand === "string" ? name(operand) : operand,
      );
      const outer = layer.class_name === "InputLayer" && input !== undefined ? [input] : undefined;
      this.#layer(layer, path, outer ?? taken);
    }
    return name(ends[0]!);
  }

  /** A Sequential model: each layer takes the value of the one before it. */
  #sequence(layers: readonly RawLayer[], path: readonly string[], input: string | undefined): string {
    let last = input;
    if (last === undefined && layers[0]!.class_name !== "InputLayer") {
      last = "";
      this.#layer({ class_name: "InputLayer", config: {}, name: last }, path, []);
    }
    for (const layer of layers) last = this.#layer(layer, path, last === undefined ? [] : [last]);
    return last!;
  }

  #layer(layer: RawLayer, path: readonly string[], operands: KerasLayer["operands"]): string {
    const own = nameOf(layer);
    const all = [...path, own ?? ""];
    const name = all.join("/");
    if (own === undefined || this.#names.has(name)) this.#fail(`a layer has the name ${show(own)}`);
    this.#names.add(name);
    const { class_name: type } = layer;
    if (isModel(layer)) {
      const [value] = operands;
      if (operands.length !== 1 || typeof value !== "string") {
        return this.#fail(`the model "${name}" takes ${operands.length} values instead of one`);
      }
      const output = this.write(layer, all, value);
      this.layers.push({ type: "Identity", name, path: all, config: {}, operands: [output] });
    } else {
      const config = this.#check(anyObject, layer.config, "config");
      const called = type === "TFOpLambda" && typeof config.function === "string" && config.function;
      const known = called ? (FUNCTIONS[called] ?? `${type} ${called}`) : type;
      this.layers.push({ type: known, name, path: all, config, operands });
    }
    if (this.layers.length > MAX_LAYERS) this.#fail(`has more than ${MAX_LAYERS} layers`);
    return name;
  }

  #check: <T>(schema: Parameters<typeof check<T>>[0], value: unknown, name: string) => T = (
    schema,
    value,
    name,
  ) => check(schema, value, `${this.#source}: ${name}`, WeightsError);

  #fail(reason: string): never {
    throw new WeightsError(`${this.#source}: ${reason}`);
  }
}

/** The layers of a Sequential model, which in old files are all of its configuration. */
function layersOf(config: unknown, source: string): readonly RawLayer[] {
  const layers = anyObject.accepts(config) ? config.layers : config;
  return check(list(layerSchema, 1), layers, `${source}: layers`, WeightsError);
}

function nameOf({ name, config }: RawLayer): string | undefined {
  const own = name ?? (anyObject.accepts(config) ? config.name : undefined);
  return typeof own === "string" ? own : undefined;
}

/** Keras 2's name of a constant among the values that a function takes. */
const CONSTANT = "_CONSTANT_VALUE";

/**
 * What a node takes: layers, by `["conv1", 0, 0]` in Keras 2 and `{ keras_history: ["conv1", 0, 0] }` in Keras 3, and
 * constants, in lists and records.
 */
function operandsOf(value: unknown, depth = 0): (string | readonly number[])[] {
  if (depth > 8) return [];
  if (Array.isArray(value)) {
    const [name, node, constant, options] = value;
    if (typeof name === "string" && typeof node === "number") {
      const named = anyObject.accepts(options) ? [options.y, options.value, options.bias] : [];
      const first: (string | number[])[] = [name === CONSTANT ? numbersIn(constant) : name];
      return [...first, ...named.flatMap((other) => operandOf(other, depth))];
    }
    return value.flatMap((part) => operandsOf(part, depth + 1));
  }
  if (!anyObject.accepts(value)) return [];
  const { args, kwargs } = value;
  if (Array.isArray(args)) {
    const named = anyObject.accepts(kwargs) ? Object.entries(kwargs) : [];
    return [
      ...args.flatMap((part) => operandOf(part, depth)),
      // Other options, such as an axis, are no values.
      ...named.flatMap(([key, part]) => (/^x[12]$/.test(key) ? operandOf : operandsOf)(part, depth + 1)),
    ];
  }
  return Object.values(value).flatMap((part) => operandsOf(part, depth + 1));
}

function operandOf(value: unknown, depth = 0): (string | readonly number[])[] {
  const constant = numbersIn(value);
  return constant.length > 0 ? [constant] : operandsOf(value, depth + 1);
}

/** "All axes before", of an index such as [..., 2]. */
const isEllipsis = (value: unknown): boolean =>
  anyObject.accepts(value) && value.class_name === "__ellipsis__";

/** The numbers of a constant: one, a list, or Keras 3's record of a tensor; none for anything else. */
function numbersIn(value: unknown): number[] {
  const all = anyObject.accepts(value) && anyObject.accepts(value.config) ? value.config.value : value;
  const numbers = Array.isArray(all) ? all.flat(4).filter((part) => !isEllipsis(part)) : [all];
  return numbers.every((n) => typeof n === "number") ? (numbers as number[]) : [];
}

/** The shape of a model's images, from its InputLayer, or from what its first layer has been built for. */
function inputShapeOf({ class_name: type, config }: KerasModel): unknown {
  const own = anyObject.accepts(config) ? config : { layers: config };
  const layers = Array.isArray(own.layers) ? (own.layers as readonly RawLayer[]) : [];
  const first = type === "Sequential" ? layers[0] : layers.find((l) => l.class_name === "InputLayer");
  if (!first) return undefined;
  const given = anyObject.accepts(first.config) ? first.config : {};
  return (
    given.batch_input_shape ??
    given.batch_shape ??
    own.build_input_shape ??
    (isModel(first) ? inputShapeOf(first) : undefined)
  );
}
