/** Finds where a file fits a part of a model only by half, as a variant's does. */
import type { Graph } from "../graph/graph.ts";
import { inspect, type Model } from "../models/model.ts";
import type { WeightsMatch } from "../weights/load.ts";

/**
 * What keeps a file from being that of the part of a model under `prefix`, in words; undefined if it is. A head may be another
 * one: the last layer, and all after the last map. A file may also have later stages and heads; it must not have tensors
 * between those of the model.
 */
export function misfitsOf(model: Model, { report, names }: WeightsMatch, prefix: string): string | undefined {
  const head = headOf(inspect(model));
  const inBody = (name: string): boolean => !head.has(name);
  const lacking = report.missing.filter(inBody);
  const others = report.mismatched.filter(({ name }) => inBody(name));
  // The last of each sequence, such as `layer1` … `layer4`, or `features`.
  const last = new Map<string, string>();
  for (const name of report.loaded.map((name) => name.slice(prefix.length))) {
    const known = last.get(stemOf(name));
    if (known === undefined || inOrder(known, name) < 0) last.set(stemOf(name), name);
  }
  const between = names.surplus.filter(({ ours }) => inOrder(ours, last.get(stemOf(ours)) ?? "") < 0);
  if (lacking.length + others.length + between.length === 0) return undefined;
  const some = (what: string, list: readonly string[]): string[] => {
    if (list.length === 0) return [];
    const more = list.length > NAMED ? `, and ${list.length - NAMED} more` : "";
    return [`${what} ${list.slice(0, NAMED).join(", ")}${more}`];
  };
  const variant = variantOf([...names.names.keys(), ...names.surplus.map(({ ours }) => ours)]);
  return [
    ...some("it lacks", lacking),
    ...some(
      "of other shapes are",
      others.map(
        ({ name, expected, got }) =>
          `${name} (${got.join(", ")}), where the model has (${expected.join(", ")})`,
      ),
    ),
    ...some(
      "the model lacks",
      between.map(({ theirs }) => theirs),
    ),
    ...(variant && variant !== model.backbones?.[prefix] ? [`it looks like a ${variant}`] : []),
  ].join("; ");
}

/** How many names of a kind an error has. */
const NAMED = 4;

/** The weights of the last layer that has some, and of all layers after the last map. */
function headOf({ nodes, parameters, states }: Graph): Set<string> {
  const names = new Map([...parameters, ...states].map(({ tensor, name }) => [tensor, name]));
  const namesIn = (node: Graph["nodes"][number]): string[] =>
    Object.values(node.inputs).flatMap((tensor) => (tensor && names.get(tensor)) ?? []);
  const lastMap = nodes.findLastIndex(({ outputs }) =>
    Object.values(outputs).some((tensor) => tensor?.shape.length === 4),
  );
  const last = nodes.findLast((node) => namesIn(node).length > 0);
  return new Set([...(last ? namesIn(last) : []), ...nodes.slice(lastMap + 1).flatMap(namesIn)]);
}

const stemOf = (name: string): string => /^[^.\d]*/.exec(name)![0];

const { compare: inOrder } = new Intl.Collator("en", { numeric: true });

/** The backbone whose tensors have these names in torchvision's convention, of ResNeXt the ResNet; undefined for others. */
export function variantOf(names: readonly string[]): string | undefined {
  const count = (pattern: RegExp): number =>
    new Set(names.flatMap((name) => pattern.exec(name)?.[0] ?? [])).size;
  const has = (name: string): boolean => names.includes(name);
  const blocks = [1, 2, 3, 4].map((stage) => count(new RegExp(`^layer${stage}\\.\\d+\\.`))).join();
  const depth = { "2,2,2,2": 18, "3,4,6,3": 34, "3,4,23,3": 101, "3,8,36,3": 152 }[blocks];
  if (depth) {
    const isWider = has("layer1.0.conv3.weight") && depth === 34;
    const isD = has("conv1.3.weight") ? "d" : "";
    return `resnet${isWider ? 50 : depth}${isD}`;
  }
  if (has("features.3.squeeze.weight") && has("features.6.squeeze.weight")) return "squeezenet1_1";
  if (has("features.1.conv.0.0.weight")) return "mobilenet_v2";
  if (has("features.1.block.0.0.weight")) {
    return `mobilenet_v3_${has("features.13.block.0.0.weight") ? "large" : "small"}`;
  }
  const convs = names.filter((name) => /^features\.\d+\.weight$/.test(name)).length;
  const norms = names.filter((name) => /^features\.\d+\.running_mean$/.test(name)).length;
  const layers = { 8: 11, 10: 13, 13: 16, 16: 19 }[convs - norms];
  return layers ? `vgg${layers}${norms > 0 ? "_bn" : ""}` : undefined;
}
