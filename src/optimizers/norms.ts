import type { Gradients } from "../graph/autodiff.ts";
import type { Graph } from "../graph/graph.ts";
import { Launches } from "../graph/launches.ts";
import type { Dispatch, Emitter } from "../graph/op.ts";
import { pad4, storedLength, type Tensor } from "../graph/tensor.ts";
import { fold, grid } from "../kernel/grid.ts";
import { arena_norms, arena_squares, scale } from "../kernel/shaders.gen.ts";
import { trainedParameters, wholeArena } from "./arena.ts";

/** How many vec4s a workgroup sums. */
const CHUNK = 1024;

/** The parameters whose norms are computed, in the order of the norms from element 1 on. */
export const namesOfNorms = (graph: Graph, backward: Gradients): readonly string[] =>
  backward.arenas.flatMap(([arena]) => trainedParameters(graph, backward, arena).map(({ name }) => name));

/** Norms, and the launches that compute them. */
interface Norms {
  readonly norms: Tensor;
  readonly dispatches: readonly Dispatch[];
}

/**
 * Emits the Euclidean norm of all gradients together and, if `each`, that of each parameter's gradient after it.
 */
export const emitGradientNorms = (graph: Graph, backward: Gradients, each: boolean): Norms =>
  emitNorms(
    graph,
    backward,
    "gradient norms",
    backward.arenas.map(([, gradients]) => wholeArena(graph, gradients)),
    each,
  );

/** The launches before and after an update that measure it, and the norms that they give. */
export interface MeasuredUpdate {
  readonly before: readonly Dispatch[];
  readonly after: readonly Dispatch[];
  /** Of what the update adds to the parameters. */
  readonly updateNorms: Tensor;
  /** Of the parameters after it. */
  readonly parameterNorms: Tensor;
}

/** Emits the norm of what an update does to all parameters and to each, whatever the optimizer: new minus old values. */
export function measureUpdate(graph: Graph, backward: Gradients): MeasuredUpdate {
  const before = new Launches(graph, "parameters before the update");
  const difference = new Launches(graph, "update");
  const parameters = backward.arenas.map(([arena]) => wholeArena(graph, arena));
  const updates = parameters.map((x, i) => {
    const y = difference.temporary(`difference.${i}`, x.shape);
    const LENGTH = x.storage.length / 4;
    const add = (emit: Emitter, constants: { SCALE: number; ACCUMULATE: 0 | 1 }): void =>
      emit.dispatch(scale, { x, y }, { LENGTH, ...constants }, grid(LENGTH, scale));
    add(before, { SCALE: -1, ACCUMULATE: 0 });
    add(difference, { SCALE: 1, ACCUMULATE: 1 });
    return y;
  });
  const ofUpdates = emitNorms(graph, backward, "update norms", updates, true);
  const ofParameters = emitNorms(graph, backward, "parameter norms", parameters, true);
  return {
    before: before.dispatches,
    after: [...difference.dispatches, ...ofUpdates.dispatches, ...ofParameters.dispatches],
    updateNorms: ofUpdates.norms,
    parameterNorms: ofParameters.norms,
  };
}

/**
 * Emits norms of vectors that are laid out as the arenas of parameters are, one for each arena: sums of squares over
 * chunks, then over ranges of chunks, both in a fixed order.
 */
function emitNorms(
  graph: Graph,
  backward: Gradients,
  label: string,
  vectors: readonly Tensor[],
  each: boolean,
): Norms {
  const launches = new Launches(graph, label);
  const emit: Emitter = launches;
  const sums: { values: Tensor; chunks: number[]; first: number }[] = [];
  const ranges: number[] = [0, 0];
  let count = 0;
  for (const [i, [arena]] of backward.arenas.entries()) {
    const chunks: number[] = [];
    const first = count;
    for (const { tensor } of trainedParameters(graph, backward, arena)) {
      const start = tensor.offset / 4;
      const end = start + storedLength(tensor.shape) / 4;
      const before = count;
      for (let at = start; at < end; at += CHUNK, count++) chunks.push(at, Math.min(CHUNK, end - at));
      if (each) ranges.push(before, count - before);
    }
    sums.push({ values: vectors[i]!, chunks, first });
  }
  ranges[1] = count;

  const squares = emit.temporary("squares", [count]);
  sums.forEach(({ values, chunks, first: FIRST }, i) => {
    const CHUNKS = chunks.length / 2;
    const table = emit.constant(`chunks.${i}`, Uint32Array.from(chunks));
    const bindings = { values, chunks: table, squares };
    emit.dispatch(arena_squares, bindings, { CHUNKS, FIRST }, fold(CHUNKS));
  });
  // Empty ranges give the padding of the norms.
  const RANGES = pad4(ranges.length / 2);
  const table = new Uint32Array(2 * RANGES);
  table.set(ranges);
  const norms = emit.temporary("norms", [ranges.length / 2]);
  const bindings = { squares, ranges: emit.constant("ranges", table), norms };
  emit.dispatch(arena_norms, bindings, { RANGES }, fold(RANGES));
  return { norms, dispatches: launches.dispatches };
}
