import { WeightsError } from "../../base/errors.ts";
import type { Model } from "../../models/model.ts";
import { refuseMistaken } from "../../weights/safetensors.ts";
import type { ImportedNetwork } from "../network-builder.ts";
import { channelsFirst, TO_CHANNELS_FIRST } from "./channels-last.ts";
import { isFoldable } from "./fold.ts";
import { withoutIdioms } from "./idioms.ts";
import { OnnxImporter } from "./importer.ts";
import { decodeOnnx, isOnnx, type OnnxNode, reachable } from "./model-proto.ts";
import { OPERATORS } from "./operators/operators.ts";
import { MAX_EXTENT, Reading } from "./reading.ts";

/** How to read an ONNX file. */
export interface ImportOnnxOptions {
  /** The file's name in errors. Default "onnx". */
  readonly source?: string;
  /** Fills in what the file leaves open of its input shape; what the file fixes stays. */
  readonly inputShape?: Model["inputShape"];
  /** The files beside it that hold its larger tensors, by name, such as PyTorch's `resnet18.onnx.data`. */
  readonly externalData?: ReadonlyMap<string, Uint8Array>;
}

/** Those after 21 have changed none of the operators that are read, except that they take more types. */
const OPSETS = [7, 26] as const;

/** Limit on the nodes of a file; networks that are read here have hundreds. */
const MAX_NODES = 20_000;

/**
 * Imports a convolutional classifier from an ONNX file (opset 7–26), whether `exportOnnx` or another library has written it: the
 * model, and its weights by the model's names, in PyTorch's layouts. Parameters keep the file's names if those are a module's
 * (`conv1.weight`), and are otherwise named after their nodes. Batch norms and residual sums are merged with what follows them; a
 * softmax or sigmoid at the end is left out, since models give logits: a sigmoid of several numbers makes a `multiLabel`
 * classifier, and one number, with a sigmoid or without, one of two classes with the logits (0, x): `assumed` says where it had
 * none. Constants that only shapes depend on are computed; a factor or summand after a layer goes into its weights, and zeros
 * before a convolution into its padding; a mean and standard deviation at the images go into the model's `preprocessing`, so that
 * the model takes images which that has normalised; pairs of Transposes disappear; GELUs and norms that are written out in many
 * nodes are one layer each.
 * Throws WeightsError for a malformed file, for unknown operators, listing them all with what to do, and for anything that
 * models here cannot compute, with the node that it stands at.
 */
export function importOnnx(file: Uint8Array, options: ImportOnnxOptions = {}): ImportedNetwork {
  const { source = "onnx" } = options;
  refuseMistaken(file, source);
  const onnx = decodeOnnx(file, source, options.externalData);
  const fail = (reason: string): never => {
    throw new WeightsError(`${source}: ${reason}`);
  };
  const [oldest, newest] = OPSETS;
  if (!(onnx.opset >= oldest && onnx.opset <= newest)) {
    fail(`has opset ${onnx.opset}; export it with one from ${oldest} to ${newest}`);
  }
  if (onnx.nodes.length > MAX_NODES)
    fail(`has ${onnx.nodes.length} nodes, where at most ${MAX_NODES} are read`);
  if (onnx.outputs.length !== 1) fail(`has ${onnx.outputs.length} outputs instead of one`);
  const { outputs } = onnx;
  const nodes = reachable({ nodes: withoutIdioms(reachable(onnx), onnx.tensors), outputs });
  const unknown = nodes.filter((node) => !isKnown(node));
  if (unknown.length > 0) fail(`uses operators that are not read: ${describeUnknown(unknown)}`);

  const listed = onnx.inputs.filter(({ name }) => !onnx.tensors.has(name));
  // tf2onnx leaves inputs for constants that it has put elsewhere.
  const taken = listed.filter(({ name }) => nodes.some((node) => node.inputs.includes(name)));
  const inputs = taken.length > 0 ? taken : listed;
  if (inputs.length !== 1) fail(`has ${inputs.length} inputs (${inputs.map((i) => i.name)}) instead of one`);
  const { name: images, shape } = inputs[0]!;
  const isChannelsLast = endsInTranspose(images, nodes);
  const [batch] = shape;
  const given = {
    ...{ name: images, inputShape: inputShapeOf(shape, options.inputShape, isChannelsLast, fail) },
    ...{ batch: typeof batch === "number" && batch > 0 ? batch : undefined, isChannelsLast },
  };
  const importer = new OnnxImporter(onnx, source, given, nodes);
  importer.made(images);
  for (const node of nodes) {
    const given = new Reading(node, importer);
    const fail = (reason: string): never => given.fail(reason);
    if (importer.fold(node, fail)) continue;
    const rewritten = channelsFirst(node, importer, fail);
    const read = OPERATORS[rewritten.op] ?? fail("computes with values, where only constants are read");
    read(new Reading(rewritten, importer), importer);
    importer.made(given.output);
  }
  return importer.finish();
}

/** The files beside an ONNX file that hold its larger tensors: how many of their bytes those take, by name. */
export function externalDataOf(file: Uint8Array, source = "onnx"): ReadonlyMap<string, number> {
  const files = new Map<string, number>();
  for (const { external } of decodeOnnx(file, source).tensors.values()) {
    if (!external) continue;
    const { file, offset, length = Number.POSITIVE_INFINITY } = external;
    files.set(file, Math.max(files.get(file) ?? 0, offset + length));
  }
  return files;
}

const isKnown = ({ op, domain }: OnnxNode): boolean =>
  isOnnx(domain) && (Object.hasOwn(OPERATORS, op) || isFoldable(op));

/** What to do about operators that are not read, by what they are for. */
const ADVICE: readonly (readonly [operators: RegExp, advice: string])[] = [
  [/^Erfc?$/, "it is read only as a part of GELU, x / 2 · (1 + erf(x / √2))"],
  [/^(Sqrt|Pow|Reciprocal)$/, "it is read only as a part of a layer norm or of GELU"],
  [/^(LRN|(MeanVariance|Lp|RMS)Normalization)$/, "train the network with batch norms in their place"],
  [/Quantize|^QLinear|Integer$|^QGemm/, "export the network as it was before it was quantised, in float32"],
  [/^(If|Loop|Scan)$/, "export it in evaluation mode and for a fixed size of images, without control flow"],
  [/^(LSTM|GRU|RNN|Attention|Einsum|RotaryEmbedding)$/, "models here are convolutional networks"],
  [/^(ArgMax|ArgMin|TopK|NonMaxSuppression|NonZero)$/, "export the network up to its logits"],
];

/** Each operator once, with the first node that has it and what to do. */
function describeUnknown(unknown: readonly OnnxNode[]): string {
  return [...new Set(unknown.map(nameOfOperator))]
    .sort()
    .map((operator) => {
      const nodes = unknown.filter((node) => nameOfOperator(node) === operator);
      const [, advice = "replace it in the network and export that again"] =
        ADVICE.find(([operators]) => operators.test(operator)) ?? [];
      const { name, outputs } = nodes[0]!;
      const more = nodes.length > 1 ? ` and ${nodes.length - 1} more` : "";
      return `${operator} ("${name || outputs[0]}"${more}; ${advice})`;
    })
    .join(", ");
}

const nameOfOperator = ({ op, domain }: OnnxNode): string => (isOnnx(domain) ? op : `${domain}.${op}`);

/** Whether the images go, perhaps normalised, into a Transpose from (N, H, W, C). */
function endsInTranspose(images: string, nodes: readonly OnnxNode[]): boolean {
  let name = images;
  for (const { op, inputs, outputs, attributes } of nodes) {
    if (op === "Shape" || !inputs.includes(name)) continue;
    if (op === "Transpose") return attributes.perm?.ints?.join() === TO_CHANNELS_FIRST;
    if (!["Cast", "Identity", "Add", "Sub", "Mul", "Div"].includes(op)) return false;
    name = outputs[0] ?? "";
  }
  return false;
}

function inputShapeOf(
  shape: readonly (number | string)[],
  otherwise: Model["inputShape"] | undefined,
  isChannelsLast: boolean,
  fail: (reason: string) => never,
): Model["inputShape"] {
  const [, a, b, c] = shape;
  const [H, W, C] = isChannelsLast ? [a, b, c] : [b, c, a];
  const isFixed = (extent: unknown): boolean => typeof extent === "number" && extent > 0;
  const extents = [H, W, C].map((extent, axis) => (isFixed(extent) ? extent : otherwise?.[axis]));
  const sound = extents.every((e) => typeof e === "number" && e >= 1 && e <= MAX_EXTENT);
  // A file may give no shape at all.
  if ((shape.length === 4 || shape.length === 0) && sound) return extents as unknown as Model["inputShape"];
  const given = shape.map((extent) => extent || "?").join(", ");
  return fail(
    `has an input of (${given}); give an inputShape for what is not fixed of (N, ${isChannelsLast ? "H, W, C" : "C, H, W"})`,
  );
}
