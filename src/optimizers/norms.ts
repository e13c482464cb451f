import type { Gradients } from "../graph/autodiff.ts";
import type { Graph } from "../graph/graph.ts";
import { Launches } from "../graph/launches.ts";
import type { Dispatch, Emitter } from "../graph/op.ts";
import { pad4, type Storage, storedLength, type Tensor } from "../graph/tensor.ts";
import { fold } from "../kernel/grid.ts";
import { gradient_norms, gradient_squares } from "../kernel/shaders.gen.ts";
import { trainedParameters, wholeArena } from "./arena.ts";

/** How many vec4s a workgroup sums. */
const CHUNK = 1024;

/** The parameters whose norms `emitGradientNorms` computes, in its order from element 1 on. */
export const namesOfNorms = (graph: Graph, backward: Gradients): readonly string[] =>
  backward.arenas.flatMap(([arena]) => trainedParameters(graph, backward, arena).map(({ name }) => name));

/**
 * Emits the Euclidean norm of all gradients together and, if `each`, that of each parameter's gradient after it: sums
 * of squares over chunks, then over ranges of chunks, both in a fixed order.
 */
export function emitGradientNorms(
  graph: Graph,
  backward: Gradients,
  each: boolean,
): { readonly norms: Tensor; readonly dispatches: readonly Dispatch[] } {
  const launches = new Launches(graph, "gradient norms");
  const emit: Emitter = launches;
  const sums: { gradients: Storage; chunks: number[]; first: number }[] = [];
  const ranges: number[] = [0, 0];
  let count = 0;
  for (const [arena, gradients] of backward.arenas) {
    const chunks: number[] = [];
    const first = count;
    for (const { tensor } of trainedParameters(graph, backward, arena)) {
      const start = tensor.offset / 4;
      const end = start + storedLength(tensor.shape) / 4;
      const before = count;
      for (let at = start; at < end; at += CHUNK, count++) chunks.push(at, Math.min(CHUNK, end - at));
      if (each) ranges.push(before, count - before);
    }
    sums.push({ gradients, chunks, first });
  }
  ranges[1] = count;

  const squares = emit.temporary("squares", [count]);
  sums.forEach(({ gradients, chunks, first: FIRST }, i) => {
    const CHUNKS = chunks.length / 2;
    const table = emit.constant(`chunks.${i}`, Uint32Array.from(chunks));
    const bindings = { gradients: wholeArena(graph, gradients), chunks: table, squares };
    emit.dispatch(gradient_squares, bindings, { CHUNKS, FIRST }, fold(CHUNKS));
  });
  // Empty ranges give the padding of the norms.
  const RANGES = pad4(ranges.length / 2);
  const table = new Uint32Array(2 * RANGES);
  table.set(ranges);
  const norms = emit.temporary("norms", [ranges.length / 2]);
  const bindings = { squares, ranges: emit.constant("ranges", table), norms };
  emit.dispatch(gradient_norms, bindings, { RANGES }, fold(RANGES));
  return { norms, dispatches: launches.dispatches };
}
