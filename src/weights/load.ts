/** Loads weights from files into models, and saves them. */
import { WeightsError } from "../base/errors.ts";
import type { Variable } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
import { adaptChannels, isAdaptable } from "./channels.ts";
import { openSafetensors, type WeightsFile } from "./file.ts";
import { checkFinite } from "./finite.ts";
import { fileShape, fitsShape, fromFile, toFile } from "./layout.ts";
import { batchCountOf, isBatchCount, matchNames, type NameMap } from "./names.ts";
import type { ReadOptions } from "./ranges.ts";
import { encodeSafetensors, type TensorData } from "./safetensors.ts";
import type { OpenOptions, WeightsSource } from "./source.ts";
import { type NamedWeights, openTensors } from "./tensors.ts";

/** What holds weights: a Trainer, a Predictor, or a graph's variables with their buffers. */
export interface WeightsTarget {
  /** Parameters and running statistics. */
  readonly weights: readonly Variable[];
  /** Reads and writes their values. */
  readonly variables: {
    write(tensor: Tensor, values: Float32Array): void;
    read(tensors: readonly Tensor[]): Promise<Float32Array[]>;
  };
}

/** What a file gave to the model, and what did not fit, by name. */
export interface WeightsReport {
  /** Model names of the weights that were loaded. */
  readonly loaded: readonly string[];
  /** Model names of the weights that the file lacks. */
  readonly missing: readonly string[];
  /** File names of the tensors that the model lacks. */
  readonly unexpected: readonly string[];
  /** Weights whose shape in the file does not fit. */
  readonly mismatched: readonly Mismatch[];
  /** Weights that `adapt` changed before they were loaded. */
  readonly adapted: readonly Adaptation[];
}

/** A weight's name in the model, its shape in the file and the one it was adapted to, both in the file's layout. */
export interface Adaptation {
  readonly name: string;
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** A weight's name in the model, the shape that it should have and the one in the file, both in the file's layout. */
export interface Mismatch {
  readonly name: string;
  readonly expected: readonly number[];
  readonly got: readonly number[];
}

/** Which tensors go where, and what to do about those that do not fit. */
export interface LoadWeightsOptions extends OpenOptions, ReadOptions {
  /** Whether file and model must fit completely. Default true; if false, what does not fit is skipped and reported. */
  readonly strict?: boolean;
  /**
   * The part of the model to load into: `resnet.` stands for the weights that begin with it. The file may then have
   * more than that part, such as later stages and a head, even if `strict`.
   */
  readonly prefix?: string;
  /**
   * Gives the name in the model (without `prefix`) of a tensor of the file, which it is passed by torchvision's name;
   * undefined skips the tensor without reporting it.
   */
  readonly map?: (name: string) => string | undefined;
  /**
   * Whether to adapt a convolution of colour images to grey ones, by the sum over its channels, or the other way
   * round, by thirds; the report lists it. Outputs for grey images stay the same if all channels are normalised alike.
   * Default false: the shapes do not fit.
   */
  readonly adapt?: boolean;
}

/**
 * Loads the weights of a safetensors file with torchvision's, timm's or transformers' names, or weights that were
 * read before (`importOnnx`, `importKeras`). Reads only the tensors that the model has, and changes nothing unless all
 * of them could be read. Compares names and shapes; `loadPretrained` also tells what the model computes differently.
 *
 * Throws WeightsError, with every name and shape, if the file does not fit and `strict` is not false, and if nothing
 * of it fits.
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

/** Which tensors of a file go into which weights of a model, and how the names of the file are read. */
export interface WeightsMatch extends Match {
  readonly names: NameMap;
}

/** Compares weights with a file, of which nothing is read. */
export function matchWeights(
  weights: readonly Variable[],
  { tensors }: Pick<WeightsFile, "tensors">,
  { prefix = "", map, adapt = false }: Pick<LoadWeightsOptions, "prefix" | "map" | "adapt">,
): WeightsMatch {
  const list = beginningWith(prefix, weights);
  const wanted = new Set(list.map(({ name }) => name.slice(prefix.length)));
  const fileNames = [...tensors.keys()].filter((name) => !isBatchCount(name));
  const names = matchNames(fileNames, wanted, map);
  const nameOf = (name: string): string | undefined => names.names.get(name.slice(prefix.length));
  return { ...matchTensors(list, tensors, nameOf, names.unexpected, adapt), names };
}

/** Reads what `loadWeights` loads, under the model's names and in its layout. */
export async function readWeights(
  weights: readonly Variable[],
  source: WeightsSource | WeightsFile | NamedWeights,
  options: LoadWeightsOptions,
): Promise<{ readonly report: WeightsReport; readonly values: ReadonlyMap<string, Float32Array> }> {
  const { strict = true, prefix = "" } = options;
  const file = await openWeights(source, options);
  const match = matchWeights(weights, file, options);
  const { pairs, report } = match;
  const { missing, mismatched, unexpected } = report;
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

/** The weights of a part of the model; all of them for an empty prefix. */
function beginningWith(prefix: string, weights: readonly Variable[]): readonly Variable[] {
  const list = weights.filter(({ name }) => name.startsWith(prefix));
  if (list.length === 0)
    throw new WeightsError(`no weight of the model begins with ${JSON.stringify(prefix)}`);
  return list;
}

/** Which tensor of a file goes into which variable. */
export interface Match {
  readonly pairs: readonly { readonly variable: Variable; readonly from: string }[];
  readonly report: WeightsReport;
  /** The report's misfits as text. */
  readonly problems: readonly string[];
}

/**
 * Compares variables with the tensors of a file. `nameOf` gives the file's name of a variable; `unexpected` are the
 * tensors of no variable. `adapt`: see `LoadWeightsOptions`.
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

/** The error that lists all that does not fit and, if nothing does, may suggest a prefix. */
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

/** What to write besides the weights, and in which type. */
export interface SaveWeightsOptions {
  /** Default F32. With F16, vectors stay F32: they are small, and running variances may exceed F16. */
  readonly dtype?: "F32" | "F16";
  /** Saves only the weights that begin with it, under names without it. */
  readonly prefix?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Makes a safetensors file of weights and running statistics, with torchvision's names and in PyTorch's layouts. It
 * has all keys of a state dict, so `model.load_state_dict(safetensors.torch.load_file(path))` takes it. Throws
 * WeightsError if a weight exceeds F16, and NonFiniteError if one is NaN or infinite.
 */
export async function saveWeights(
  { weights, variables }: WeightsTarget,
  { dtype = "F32", prefix = "", metadata = {} }: SaveWeightsOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const tensors = await readTensors(variables, beginningWith(prefix, weights));
  const named = [...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor] as const);
  return encodeWeights(new Map(named), dtype, metadata);
}

/** Reads the values of variables, in a file's layout. */
export async function readTensors(
  variables: Pick<WeightsTarget["variables"], "read">,
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

/** Encodes weights as PyTorch's tools expect them. Throws as `saveWeights` does. */
export function encodeWeights(
  tensors: NamedWeights,
  dtype: "F32" | "F16",
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  checkFinite("saving weights", tensors);
  const all = new Map<string, TensorData>();
  for (const [name, { shape, data }] of tensors) {
    const half = dtype === "F16" && shape.length > 1;
    const tooLarge = half ? data.find((value) => Math.abs(value) >= 65520) : undefined;
    if (tooLarge !== undefined) throw new WeightsError(`${name}: ${tooLarge} is beyond F16; save it as F32`);
    all.set(name, { shape, data, dtype: half ? "F16" : "F32" });
    if (name.endsWith(".running_mean")) {
      all.set(batchCountOf(name), { shape: [], data: new BigInt64Array(1) });
    }
  }
  // transformers reads only files with this format.
  return encodeSafetensors(all, { ...metadata, format: "pt" });
}

/** Opens what `loadWeights` takes. */
export async function openWeights(
  source: WeightsSource | WeightsFile | NamedWeights,
  options: OpenOptions,
): Promise<WeightsFile> {
  if (source instanceof Map) return openTensors(source, options.name ?? "weights");
  const isOpen = typeof source === "object" && "tensors" in source;
  return isOpen ? source : openSafetensors(source as WeightsSource, options);
}
