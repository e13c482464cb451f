import { ShapeError } from "../base/errors.ts";
import { Graph } from "../graph/graph.ts";
import type { OpNode } from "../graph/op.ts";
import type { Tensor } from "../graph/tensor.ts";
import { asActivations, flatten } from "../layers/index.ts";
import { frozenIn, type Model } from "../models/model.ts";

/** Where to cut, and what is frozen. */
export interface SplitOptions {
  /** Names of parameters that do not train, besides the model's own frozen ones. */
  readonly frozen?: ((name: string) => boolean) | undefined;
  /**
   * The layer after which to cut, such as `layer4.1.bn2`. Default: the last one before which nothing trains or is
   * random.
   */
  readonly at?: string | undefined;
}

/** A model in two parts; the first always gives the same features for an image. */
export interface SplitModel {
  /** The layer whose output the features are. */
  readonly at: string;
  /** The shape of an image's features; height and width are 1 if the features have none. */
  readonly shape: Model["inputShape"];
  /** Builds the layers up to the cut into a graph, with the output `features`. */
  trunk(graph: Graph, batch: number): void;
  /** The layers after the cut, which take features for images; parameters keep their names and stay frozen. */
  readonly head: Model;
}

/**
 * Cuts a model in two at a tensor that is all the second part needs of the first. Throws ShapeError if nothing trains
 * or nothing can be cut off, and for a layer before which something trains or is random, or which the model bypasses.
 */
export function splitModel(model: Model, { frozen, at: wanted }: SplitOptions = {}): SplitModel {
  const isFrozen = frozenIn(model, frozen);
  // Two images, since a batch norm in training needs more than one pixel.
  const whole = wholeGraph(model, 2, { mode: "train", isFrozen });
  const changing = changingTensors(whole.graph);
  const fail = (reason: string, given = ""): never => {
    throw new ShapeError(`splitModel ${model.name}`, reason, given);
  };
  if (!whole.logits.requiresGrad) fail("nothing trains, so no layers would follow the features; freeze less");

  const candidates = whole.graph.nodes.flatMap(({ outputs: { y } }) => (y ? [y] : []));
  const usable = (y: Tensor): boolean =>
    !changing.has(y) && [2, 4].includes(y.shape.length) && isOnlyWay(whole, y);
  const cut =
    wanted === undefined
      ? candidates.findLast(usable)
      : (candidates.findLast(({ name }) => name === wanted) ?? fail("has no layer of this name", wanted));
  if (!cut) return fail("nothing can be cut off", [...changing.values()][0]);
  const reason = changing.get(cut);
  if (reason !== undefined) fail(`the features after ${cut.name} would change`, reason);
  if (!usable(cut)) fail("later layers also use values from before this one", cut.name);

  const [, ...extents] = cut.shape;
  const shape = (extents.length === 3 ? extents : [1, 1, ...extents]) as unknown as Model["inputShape"];
  const at = cut.name;
  const { tensors: kept } = pathTo(whole.graph, whole.logits, cut);
  const find = (graph: Graph): Tensor =>
    graph.nodes.findLast(({ outputs: { y } }) => y?.name === at)!.outputs.y!;
  return {
    at,
    shape,
    trunk(graph, batch) {
      model.build(asActivations(graph.input("images", [batch, ...model.inputShape])));
      graph.output("features", find(graph));
      graph.prune();
    },
    head: {
      name: `${model.name} after ${at}`,
      inputShape: shape,
      classes: model.classes,
      options: {},
      ...(model.classifierActivation && { classifierActivation: model.classifierActivation }),
      ...(model.loss && { loss: model.loss }),
      frozen: whole.graph.parameters
        .filter(({ tensor, trainable }) => !trainable && kept.has(tensor))
        .map(({ name }) => name),
      build(x) {
        const { graph: target } = x;
        const batch = x.shape[0]!;
        const { graph, logits } = wholeGraph(model, batch, {
          mode: target.mode,
          isFrozen: (name) => target.isFrozen(name),
        });
        const start = find(graph);
        return replay(graph, logits, start, start.shape.length === 2 ? flatten(x) : x);
      },
    },
  };
}

interface Whole {
  readonly graph: Graph;
  readonly logits: Tensor;
}

function wholeGraph(
  model: Model,
  batch: number,
  options: { readonly mode: Graph["mode"]; readonly isFrozen: (name: string) => boolean },
): Whole {
  const { mode, isFrozen: frozen } = options;
  const graph = new Graph({ mode, frozen, maxBindingBytes: Number.POSITIVE_INFINITY });
  return { graph, logits: model.build(graph.input("images", [batch, ...model.inputShape])) };
}

/** The tensors that can change for the same image, each with the reason. */
function changingTensors({ nodes, parameters }: Graph): Map<Tensor, string> {
  const changing = new Map<Tensor, string>();
  for (const { tensor, name, trainable } of parameters) {
    if (trainable) changing.set(tensor, `${name} trains`);
  }
  for (const { op, label, attrs, inputs, outputs } of nodes) {
    const inherited = Object.values(inputs).flatMap((tensor) => (tensor ? (changing.get(tensor) ?? []) : []));
    const reason = op.isRandom?.(attrs) ? `${label} is random` : inherited[0];
    if (reason === undefined) continue;
    for (const tensor of Object.values(outputs)) if (tensor) changing.set(tensor, reason);
  }
  return changing;
}

/** The nodes on the way from `start` to `end`, in order, and their tensors. What leads to `start` is left out. */
function pathTo({ nodes }: Graph, end: Tensor, start: Tensor): { nodes: OpNode[]; tensors: Set<Tensor> } {
  const tensors = new Set([end]);
  const path: OpNode[] = [];
  for (const node of nodes.toReversed()) {
    const used = Object.values(node.outputs).some((tensor) => tensor && tensors.has(tensor));
    if (!used || node.outputs.y === start) continue;
    for (const tensor of Object.values(node.inputs)) if (tensor) tensors.add(tensor);
    path.push(node);
  }
  return { nodes: path.reverse(), tensors };
}

/** Whether images reach the logits only through this tensor. */
function isOnlyWay({ graph, logits }: Whole, through: Tensor): boolean {
  const { tensors } = pathTo(graph, logits, through);
  return tensors.has(through) && ![...graph.inputs.values()].some((input) => tensors.has(input));
}

/** Appends the nodes from `start` to `end` to `x`'s graph, with `x` in place of `start`. */
function replay(source: Graph, end: Tensor, start: Tensor, x: Tensor): Tensor {
  const { graph } = x;
  const { nodes, tensors } = pathTo(source, end, start);
  const here = new Map([[start, x]]);
  // In the order of the whole model, which is also their order in memory.
  for (const { name, tensor, init, decay, flattened } of source.parameters) {
    if (tensors.has(tensor)) here.set(tensor, graph.parameter(name, tensor.shape, init, decay, flattened));
  }
  for (const { name, tensor, init } of source.states) {
    if (tensors.has(tensor)) here.set(tensor, graph.state(name, tensor.shape, init));
  }
  for (const { op, label, inputs, attrs, outputs } of nodes) {
    const given = Object.fromEntries(
      Object.entries(inputs).map(([key, tensor]) => [key, tensor && here.get(tensor)]),
    );
    const made = graph.apply(op, label, given, attrs);
    for (const [key, tensor] of Object.entries(outputs)) if (tensor) here.set(tensor, made[key]!);
  }
  return here.get(end)!;
}
