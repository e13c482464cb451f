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

/** What a trainer's option `ema` is: how averages are taken. `ema` makes it. */
export interface Averages {
  /**
   * An update that also averages what it changes, the trained `arenas`, and the running statistics, with one launch for
   * each arena. The averages are among its moments; `averaged` has those of an arena by its name.
   */
  emit(
    update: Update,
    graph: Graph,
    arenas: readonly Storage[],
  ): Update & { readonly averaged: ReadonlyMap<string, Storage> };
  /** Weights with their averages, found among the moments, in place of the values they have; frozen ones as they are. */
  of(weights: readonly Variable[], moments: readonly Variable[]): readonly Variable[];
}

/**
 * Exponential moving averages of weights and running statistics, for `TrainerOptions.ema`:
 * a ← decay · a + (1 − decay) · w in each step, beginning with the weights after the first one. Throws ShapeError unless
 * 0 ≤ decay < 1.
 */
export function ema({ decay }: { readonly decay: number }): Averages {
  if (!(decay >= 0 && decay < 1)) throw new ShapeError("ema", "decay must be in [0, 1)", String(decay));
  return { emit: (update, graph, arenas) => withAverages(update, graph, arenas, decay), of: averagesOf };
}

const withAverages = (
  update: Update,
  graph: Graph,
  arenas: readonly Storage[],
  decay: number,
): ReturnType<Averages["emit"]> => {
  const storages = [...new Set([...arenas, ...graph.states.map(({ tensor }) => tensor.storage)])];
  const averaged = new Map<string, Storage>();
  const launches = new Launches(graph, "ema");
  const emit: Emitter = launches;
  const moments: Variable[] = [];
  for (const storage of storages) {
    const vector = graph.tensor(`ema of ${storage.name}`, [storage.length], { role: "state" });
    averaged.set(storage.name, vector.storage);
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
};

const averagesOf: Averages["of"] = (weights, moments) => {
  const tensors = new Map(moments.map(({ name, tensor }) => [name, tensor]));
  return weights.map((weight) => ({
    ...weight,
    tensor: tensors.get(averageName(weight.name)) ?? weight.tensor,
  }));
};
