import { pad4 } from "../graph/tensor.ts";
import type { Program } from "../ops/lower.ts";
import type { Outputs } from "../run/session.ts";
import { type Arrays, feedsOf } from "./arrays.ts";
import type { Tolerance } from "./case.ts";
import type { Expected, Gradient } from "./expected.ts";
import type { Running } from "./run.ts";

/** One tensor beside what it is to be. */
export interface Comparison {
  /** `y`, `dx`, or `dx of two uses`, which are added up. */
  readonly name: string;
  /** Elements that were compared. */
  readonly elements: number;
  /** The largest expected number, by magnitude. */
  readonly largest: number;
  /** The largest difference. */
  readonly error: number;
  /** What is wrong, in words. */
  readonly failure?: string;
}

/**
 * Runs an op's forward program, and those of its gradients for one use and for two, and compares all with what is
 * expected: the values, zeros in the padding, and the same bits in a second run. `tolerance` is for an output, and doubled
 * for the gradient of an input.
 */
export async function compareRuns(
  opened: readonly Running<Program>[],
  { inputs, outputs, dy, gradients }: Expected,
  tolerance: (name: string) => Tolerance,
): Promise<Comparison[]> {
  const arrays = { ...inputs, ...Object.fromEntries(dy.map((array, i) => [`dy${i}`, array])) };
  const results = await Promise.all(opened.map((running) => runTwice(running, arrays)));
  return results.flatMap(({ first, unlike }, uses) => {
    const { program } = opened[uses]!;
    const wanted: Readonly<Record<string, Gradient>> = uses === 0 ? outputs : gradients[uses - 1]!;
    return [
      ...unlike,
      ...Object.entries(wanted).map(([name, array]) => {
        const factor = uses === 0 ? 1 : 2;
        const read = uses === 0 ? name : `d${name}`;
        const compared = compare(program, first[read]!, read, array, tolerance(name), factor);
        return uses === 2 ? { ...compared, name: `${read} of two uses` } : compared;
      }),
    ];
  });
}

async function runTwice({ program, step }: Running<Program>, arrays: Arrays) {
  const feeds = feedsOf(program, arrays);
  const [first, second] = await Promise.all([step(feeds), step(feeds)]);
  const unlike = Object.entries(first).flatMap(([name, values]): Comparison[] => {
    const [bits, others] = [bitsOf(values), bitsOf(second[name]!)];
    const at = bits.findIndex((value, i) => value !== others[i]);
    if (at < 0) return [];
    const failure = `${name}: a second run gives ${second[name]![at]}, not ${values[at]}, at ${at}`;
    const error = Math.abs(second[name]![at]! - values[at]!);
    return [{ name, elements: values.length, largest: Number.NaN, error, failure }];
  });
  return { first, unlike };
}

const bitsOf = ({ buffer }: Outputs[string]): Uint32Array => new Uint32Array(buffer);

/**
 * Compares an output of a program with an array, or only some of its elements, and its padding with 0. Differences may
 * be up to `times` the tolerance.
 */
function compare(
  { graph }: Program,
  actual: Outputs[string],
  name: string,
  { shape, data, elements }: Gradient,
  tolerance: Tolerance,
  times: number,
): Comparison {
  const width = shape.at(-1)!;
  const row = pad4(width);
  const memory = graph.outputs.get(name)!.shape;
  const largest = data.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-6);
  let error = 0;
  const failures: string[] = [];
  if (memory.join() !== [...shape.slice(0, -1), row].join()) {
    failures.push(`${name} is (${memory.join(", ")}) in memory instead of (${shape.join(", ")}) padded`);
  }
  data.forEach((expected, i) => {
    const allowed = times * (typeof tolerance === "number" ? tolerance * largest : tolerance(expected));
    const element = elements?.[i] ?? i;
    const got = actual[Math.floor(element / width) * row + (element % width)]!;
    const difference = Math.abs(got - expected);
    if (!(difference <= error)) error = difference;
    if (!(difference <= allowed)) {
      const at = `element ${element} of (${shape.join(", ")})`;
      failures.push(
        `${name}: ${got} instead of ${expected} at ${at}; allowed ${allowed}, largest ${largest}`,
      );
    }
  });
  const stray = actual.findIndex((value, i) => i % row >= width && value !== 0);
  if (stray >= 0) failures.push(`${name}: padding holds ${actual[stray]} at ${stray}`);
  const [failure] = failures;
  return { name, elements: data.length, largest, error, ...(failure !== undefined && { failure }) };
}
