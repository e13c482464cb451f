import { Graph } from "../../../src/graph/graph.ts";
import { lower } from "../../../src/ops/lower.ts";
import { ema } from "../../../src/optimizers/averages.ts";
import { sgd, withUpdate } from "../../../src/optimizers/index.ts";
import { givenGradient } from "../../support/op/update.ts";
import { size } from "../../support/reference/ndarray.ts";

export const DECAY = 0.8;
const zeros = (shape: readonly number[]): Float32Array => new Float32Array(size(shape));

/** Parameters in several arenas, one of them frozen, and a running statistic, with their averages. */
export function averagesProgram() {
  const graph = new Graph({ mode: "train", maxBindingBytes: 1024, frozen: (name) => name === "frozen" });
  const trained = [
    graph.parameter("front", [3, 5], zeros, true),
    graph.parameter("back", [7, 30], zeros, true),
  ];
  graph.parameter("frozen", [4], zeros, true);
  graph.state("running_mean", [6], zeros);
  const losses = trained.map((p) => {
    const g = graph.input(`gradient of ${p.name}`, p.shape);
    return graph.apply(givenGradient, `loss of ${p.name}`, { p, g }, null).y;
  });
  const backward = lower(
    graph,
    losses.map((loss) => [loss, null]),
  );
  const arenas = backward.arenas.map(([parameters]) => parameters);
  const update = ema({ decay: DECAY }).emit(sgd({ lr: 0.1 }).emit(graph, backward), graph, arenas);
  return { graph, update, program: withUpdate(backward, update) };
}
