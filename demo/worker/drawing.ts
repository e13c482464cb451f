import { layersOf, type Model } from "webgraft";
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

/** What of a model a lane draws: its convolutions and dense layers, and the shortcuts around them. */
export function drawingOf(model: Model): Pick<LaneModel, "layers" | "shortcuts"> {
  const layers: Omit<DrawnLayer, "residual" | "projection">[] = [];
  const shortcuts: [from: number, to: number][] = [];
  const projections = new Set<number>();
  /** Which of `layers` the output of a layer comes from. */
  const origins = new Map<string, ReadonlySet<number>>([["images", new Set()]]);
  for (const { label, operations, shape, inputs } of layersOf(model)) {
    const given = inputs.map((input) => origins.get(input)!);
    const from = new Set(given.flatMap((each) => [...each]));
    const weighs = operations.find((name) => name === "conv2d" || name === "dense");
    if (weighs) {
      const [height, , channels] = shape.length === 3 ? shape : [1, 1, shape[0]];
      from.add(layers.length);
      const kind = weighs === "dense" ? "dense" : "convolution";
      layers.push({ label, kind, height: height!, channels: channels! });
    }
    const [a, b] = given;
    if (a && b && !operations.some((name) => name === "concat" || name === "average")) {
      const only = [[...a].filter((i) => !b.has(i)), [...b].filter((i) => !a.has(i))] as const;
      const [block, shortcut] = only[0].length >= only[1].length ? only : [only[1], only[0]];
      shortcuts.push([Math.min(...block), Math.max(...block)]);
      for (const i of shortcut) projections.add(i);
    }
    origins.set(label, from);
  }
  const inBlock = (i: number): boolean => shortcuts.some(([from, to]) => from <= i && i <= to);
  return {
    layers: layers.map((layer, i) => ({ ...layer, residual: inBlock(i), projection: projections.has(i) })),
    shortcuts,
  };
}
