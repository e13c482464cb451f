import { ShapeError } from "../base/errors.ts";
import type { Graph, Variable } from "../graph/graph.ts";
import { Launches } from "../graph/launches.ts";
import type { Emitter } from "../graph/op.ts";
import type { Storage } from "../graph/tensor.ts";
import { grid } from "../kernel/grid.ts";
import { average } from "../kernel/shaders.gen.ts";
import { wholeArena } from "./arena.ts";
import type { Update } from "./optimizer.ts";

/** The name of the average of a variable in checkpoints. */
const averageName = (name: string): string => `optimizer.ema.${name}`;

/** What an arena's averages are called. */
export const averageStorage = (storage: Storage): Storage => ({
  ...storage,
  role: "state",
  name: `ema of ${storage.name}`,
});

/**
 * An update that also averages what it changes, the trained `arenas`, and the running statistics, with one launch for
 * each arena. The averages are among its moments. Throws ShapeError unless 0 ≤ decay < 1.
 */
export function withAverages(
  update: Update,
  graph: Graph,
  arenas: readonly Storage[],
  decay: number,
): Update & { readonly averaged: readonly Storage[] } {
  if (!(decay >= 0 && decay < 1)) throw new ShapeError("ema", "decay must be in [0, 1)", String(decay));
  const averaged = [...new Set([...arenas, ...graph.states.map(({ tensor }) => tensor.storage)])];
  const launches = new Launches(graph, "ema");
  const emit: Emitter = launches;
  const moments: Variable[] = [];
  for (const storage of averaged) {
    const vector = graph.tensor(averageStorage(storage).name, [storage.length], { role: "state" });
    const LENGTH = storage.length / 4;
    const bindings = { weights: wholeArena(graph, storage), average: vector };
    emit.dispatch(average, bindings, { LENGTH, SHARE: 1 - decay }, grid(LENGTH, average));
    for (const variable of [...graph.parameters, ...graph.states]) {
      if (variable.tensor.storage !== storage) continue;
      const name = averageName(variable.name);
      const tensor = { ...variable.tensor, name, storage: vector.storage, requiresGrad: false };
      moments.push({ ...variable, name, tensor, trainable: false, decay: false });
    }
  }
  return {
    ...update,
    averaged,
    dispatches: [...update.dispatches, ...launches.dispatches],
    moments: [...update.moments, ...moments],
  };
}

/** Weights with their averages, found among the moments, in place of the values they have; frozen ones as they are. */
export function averagesOf(weights: readonly Variable[], moments: readonly Variable[]): readonly Variable[] {
  const tensors = new Map(moments.map(({ name, tensor }) => [name, tensor]));
  return weights.map((weight) => ({
    ...weight,
    tensor: tensors.get(averageName(weight.name)) ?? weight.tensor,
  }));
}
