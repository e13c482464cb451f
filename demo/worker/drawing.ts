import { Graph, layersOf, type Model } from "webgraft";
import type { DrawnLayer, LaneModel } from "../runs/run.ts";
import type { RaceSettings } from "../runs/settings.ts";
import { type Form, modelOf } from "./lanes.ts";

/** The lanes of a race as they are drawn, without a GPU. */
export const drawnLanes = (settings: RaceSettings, form: Form): LaneModel[] =>
  settings.lanes.map((kind) => {
    const model = modelOf(kind, settings, form);
    const parameters = layersOf(model).reduce((sum, { trainableCount }) => sum + trainableCount, 0);
    return { kind, parameters, ...drawingOf(model) };
  });

/** The layers and shortcuts of a model, found in its graph. */
function drawingOf(model: Model): Pick<LaneModel, "layers" | "shortcuts"> {
  const graph = new Graph({ mode: "eval" });
  const images = graph.input("images", [1, ...model.inputShape]);
  graph.output("logits", model.build(images));
  const layers: DrawnLayer[] = [];
  const shortcuts: [from: number, to: number][] = [];
  const onShortcut = new Set<number>();
  /** The layers that a tensor comes from. */
  const origins = new Map<unknown, ReadonlySet<number>>([[images, new Set()]]);
  for (const { op, label, inputs, outputs } of graph.nodes) {
    const given = Object.values(inputs).flatMap((tensor) => origins.get(tensor) ?? []);
    const from = new Set(given.flatMap((each) => [...each]));
    const { y } = outputs;
    if (op.name === "conv2d" || op.name === "dense") {
      const [height = 1, , channels = y!.shape[1]!] = y!.shape.length === 4 ? y!.shape.slice(1) : [];
      const kind = op.name === "dense" ? "dense" : "convolution";
      from.add(layers.length);
      layers.push({ label, kind, residual: false, projection: false, height, channels });
    }
    if ((op.name === "add" || "residual" in inputs) && given.length === 2) {
      const [a, b] = given as [ReadonlySet<number>, ReadonlySet<number>];
      const only = [[...a].filter((i) => !b.has(i)), [...b].filter((i) => !a.has(i))] as const;
      const [block, shortcut] = only[0].length >= only[1].length ? only : [only[1], only[0]];
      shortcuts.push([Math.min(...block), Math.max(...block)]);
      for (const i of shortcut) onShortcut.add(i);
    }
    for (const tensor of Object.values(outputs)) origins.set(tensor, from);
  }
  const inBlock = (i: number): boolean => shortcuts.some(([from, to]) => from <= i && i <= to);
  return {
    layers: layers.map((layer, i) => ({ ...layer, residual: inBlock(i), projection: onShortcut.has(i) })),
    shortcuts,
  };
}
