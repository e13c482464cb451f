/** Weights of files into models and out of them. */
import { WeightsError } from "../base/errors.ts";
import type { Variable } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { adaptChannels, isAdaptable } from "./channels.ts";
import { openSafetensors, type WeightsFile } from "./file.ts";
import { fileShape, fitsShape, fromFile, toFile } from "./layout.ts";
import { batchCountOf, isBatchCount, matchNames } from "./names.ts";
import type { ReadOptions } from "./ranges.ts";
import { encodeSafetensors, type TensorData } from "./safetensors.ts";
import type { OpenOptions, WeightsSource } from "./source.ts";
import { type NamedWeights, openTensors } from "./tensors.ts";

/** What weights are loaded into and saved from: a Trainer, a Predictor, or a graph's variables and their buffers. */
export interface WeightsTarget {
  /** Parameters and running statistics. */
  readonly weights: readonly Variable[];
  readonly variables: {
    write(tensor: Tensor, values: Float32Array): void;
    read(tensors: readonly Tensor[]): Promise<Float32Array[]>;
  };
}

export interface WeightsReport {
  /** Names in the model of all that was loaded. */
  readonly loaded: readonly string[];
  /** Names in the model of what the file does not have. */
  readonly missing: readonly string[];
  /** Names in the file of what the model does not have. */
  readonly unexpected: readonly string[];
  /** Names in the model, with shapes in the file's order. */
  readonly mismatched: readonly Mismatch[];
  /** What was loaded only after it was changed, because `adapt` asks for it. */
  readonly adapted: readonly Adaptation[];
}

/** A name in the model, the shape in the file and the one that was made of it, in the file's order. */
export interface Adaptation {
  readonly name: string;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export interface Mismatch {
  readonly name: string;
  readonly expected: readonly number[];
  readonly got: readonly number[];
}

export interface LoadWeightsOptions extends OpenOptions, ReadOptions {
  /** Whether all must fit, on both sides. Default true; otherwise what does not fit is left alone and reported. */
  readonly strict?: boolean;
  /**
   * The part of the model that the file is for: `resnet.` loads into the weights that begin with it. Then the file may
   * have more than that part, such as stages that were cut off and a head, also where `strict`.
   */
  readonly prefix?: string;
  /**
   * Says what a tensor of the file, its name in torchvision's terms, is called in the model (without `prefix`);
   * undefined leaves it alone, without a word about it.
   */
  readonly map?: (name: string) => string | undefined;
  /**
   * Whether a convolution of three input channels is loaded into one of one by the sum over them, for grey images,
   * and one of one channel into one of three by thirds; the report lists it. Where a channel is normalised like the
   * others the outputs for grey images stay the same. Default false: the shapes do not fit.
   */
  readonly adapt?: boolean;
}

/**
 * Loads the weights of a safetensors file with torchvision's, timm's or transformers' names, or weights that were
 * read before (`importOnnx`, `importKeras`). Of an address or File
 * only the tensors are read that the model has. Nothing is changed unless all of them could be read.
 *
 * Throws WeightsError, with every name and shape, where the file does not fit and `strict` is not false, and where
 * nothing of it fits.
 */
export async function loadWeights(
  { weights, variables }: WeightsTarget,
  source: WeightsSource | WeightsFile | NamedWeights,
  options: LoadWeightsOptions = {},
): Promise<WeightsReport> {
  const { report, values } = await readWeights(weights, source, options);
  for (const { name, tensor } of weights) {
    const given = values.get(name);
    if (given) variables.write(tensor, given);
  }
  return report;
}

/** Reads what `loadWeights` loads, by the names of the model and in its layout. */
export async function readWeights(
  weights: readonly Variable[],
  source: WeightsSource | WeightsFile | NamedWeights,
  options: LoadWeightsOptions,
): Promise<{ readonly report: WeightsReport; readonly values: ReadonlyMap<string, Float32Array> }> {
  const { strict = true, prefix = "", map, adapt = false } = options;
  const file = await openWeights(source, options);
  const list = beginningWith(prefix, weights);
  const wanted = new Set(list.map(({ name }) => name.slice(prefix.length)));
  const fileNames = [...file.tensors.keys()].filter((name) => !isBatchCount(name));
  const { names, unexpected } = matchNames(fileNames, wanted, map);
  const nameOf = (name: string): string | undefined => names.get(name.slice(prefix.length));
  const match = matchTensors(list, file.tensors, nameOf, unexpected, adapt);
  const { pairs, report } = match;
  const { missing, mismatched } = report;
  const surplus = prefix === "" ? unexpected.length : 0;
  if (pairs.length === 0 || (strict && missing.length + mismatched.length + surplus > 0)) {
    throw misfit(file.name, match);
  }
  const stored = await file.read(
    pairs.map(({ from }) => from),
    options,
  );
  const adapted = new Map(report.adapted.map(({ name, from }) => [name, from]));
  const values = new Map<string, Float32Array>();
  for (const { variable, from } of pairs) {
    const { name } = variable;
    const shape = adapted.get(name);
    const value = stored.get(from)!;
    values.set(name, fromFile(variable, shape ? adaptChannels(value, shape) : value));
  }
  return { report, values };
}

/** The weights of a part of the model, or all for an empty prefix. */
function beginningWith(prefix: string, weights: readonly Variable[]): readonly Variable[] {
  const list = weights.filter(({ name }) => name.startsWith(prefix));
  if (list.length === 0)
    throw new WeightsError(`no weight of the model begins with ${JSON.stringify(prefix)}`);
  return list;
}

/** What of a file goes where. */
export interface Match {
  readonly pairs: readonly { readonly variable: Variable; readonly from: string }[];
  readonly report: WeightsReport;
  /** The report's misfits as text. */
  readonly problems: readonly string[];
}

/**
 * Compares variables with the tensors of a file, whose names of them `nameOf` tells; `unexpected` are those that
 * are no variable's. `adapt`: see `LoadWeightsOptions`.
 */
export function matchTensors(
  list: readonly Variable[],
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  nameOf: (name: string) => string | undefined,
  unexpected: readonly string[],
  adapt = false,
): Match {
  const pairs: { variable: Variable; from: string }[] = [];
  const missing: Variable[] = [];
  const mismatched: Mismatch[] = [];
  const adapted: Adaptation[] = [];
  for (const variable of list) {
    const { name } = variable;
    const from = nameOf(name);
    const stored = from === undefined ? undefined : tensors.get(from);
    const expected = fileShape(variable);
    if (!stored) missing.push(variable);
    else if (fitsShape(variable, stored.shape)) pairs.push({ variable, from: from! });
    else if (adapt && isAdaptable(stored.shape, expected)) {
      pairs.push({ variable, from: from! });
      adapted.push({ name, from: stored.shape, to: expected });
    } else mismatched.push({ name, expected, got: stored.shape });
  }
  return {
    pairs,
    report: {
      loaded: pairs.map(({ variable }) => variable.name),
      missing: missing.map(({ name }) => name),
      unexpected,
      mismatched,
      adapted,
    },
    problems: [
      ...mismatched.map(
        ({ name, expected, got }) => `${name} is (${got.join(", ")}), the model has (${expected.join(", ")})`,
      ),
      ...missing.map((variable) => `${variable.name} (${fileShape(variable).join(", ")}) is missing`),
      ...unexpected.map((name) => `${name} (${tensors.get(name)!.shape.join(", ")}) is not in the model`),
    ],
  };
}

/** Says all that does not fit; where nothing does, perhaps why. */
export function misfit(
  source: string,
  { pairs, problems, report: { missing, unexpected } }: Match,
): WeightsError {
  const part = unexpected.find((name) => missing.some((ours) => ours.endsWith(`.${name}`)));
  const whole = missing.find((ours) => ours.endsWith(`.${part}`));
  const advice =
    pairs.length === 0 && part && whole
      ? ` — it may be for a part of the model: try { prefix: "${whole.slice(0, -part.length)}" }`
      : "";
  return new WeightsError(`${source} does not fit the model: ${problems.join("; ")}${advice}`);
}

export interface SaveWeightsOptions {
  /** Default F32. With F16, vectors stay F32: they take no space, and running variances may exceed F16. */
  readonly dtype?: "F32" | "F16";
  /** Saves only the part of the model that begins with it, under names without it. */
  readonly prefix?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * A safetensors file of weights and running statistics under torchvision's names and in PyTorch's layouts, which
 * `model.load_state_dict(safetensors.torch.load_file(path))` takes: it has all of a state dict's keys. Throws
 * WeightsError where a weight exceeds F16.
 */
export async function saveWeights(
  { weights, variables }: WeightsTarget,
  { dtype = "F32", prefix = "", metadata = {} }: SaveWeightsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = await readTensors(variables, beginningWith(prefix, weights));
  const named = [...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor] as const);
  return encodeWeights(new Map(named), dtype, metadata);
}

/** The values of variables in a file's layout. */
export async function readTensors(
  variables: WeightsTarget["variables"],
  list: readonly Variable[],
): Promise<Map<string, { readonly shape: readonly number[]; readonly data: Float32Array }>> {
  const values = await variables.read(list.map(({ tensor }) => tensor));
  return new Map(
    list.map((variable, i) => [
      variable.name,
      { shape: fileShape(variable), data: toFile(variable, values[i]!) },
    ]),
  );
}

/** Weights as PyTorch's tools expect them. */
export function encodeWeights(
  tensors: NamedWeights,
  dtype: "F32" | "F16",
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const all = new Map<string, TensorData>();
  for (const [name, { shape, data }] of tensors) {
    const half = dtype === "F16" && shape.length > 1;
    const tooLarge = half
      ? data.find((value) => Math.abs(value) >= 65520 && Number.isFinite(value))
      : undefined;
    if (tooLarge !== undefined) throw new WeightsError(`${name}: ${tooLarge} is beyond F16; save it as F32`);
    all.set(name, { shape, data, dtype: half ? "F16" : "F32" });
    if (name.endsWith(".running_mean")) {
      all.set(batchCountOf(name), { shape: [], data: new BigInt64Array(1) });
    }
  }
  // transformers reads only files that call themselves PyTorch's.
  return encodeSafetensors(all, { ...metadata, format: "pt" });
}

/** What `loadWeights` takes, as a file. */
export async function openWeights(
  source: WeightsSource | WeightsFile | NamedWeights,
  options: OpenOptions,
): Promise<WeightsFile> {
  if (source instanceof Map) return openTensors(source, options.name ?? "weights");
  const isOpen = typeof source === "object" && "tensors" in source;
  return isOpen ? source : openSafetensors(source as WeightsSource, options);
}
