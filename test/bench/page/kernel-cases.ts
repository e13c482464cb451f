/** The passes of ops that training runs, over the shapes of whole networks. */
import type { Model } from "webgraft";
import {
  conv2d,
  flatten,
  Graph,
  type GraphOptions,
  interleaved,
  lower,
  resnet,
  type Steps,
  vgg,
  withUpdate,
} from "webgraft";
import { fuse } from "../../../src/graph/fusion.ts";
import type { Dispatch, OpNode, Tensors } from "../../../src/graph/op.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { zeros } from "../../../src/layers/init.ts";
import { denseOp } from "../../../src/ops/conv/dense.ts";
import { declarations, optimizers } from "../../ops/declarations.ts";
import { passesOf, type Work } from "../../support/op/declaration.ts";
import type { OptimizerDeclaration } from "../../support/op/update.ts";

/** One pass of one op, as it runs in a training step. */
export interface KernelCase extends Work {
  /** `conv2d grad weight`. */
  readonly name: string;
  readonly shape: string;
  /** The networks that it occurs in. */
  readonly networks: string[];
  /** Launches of a step, and which of them are measured; the others come before and are run once. */
  program(options: GraphOptions): { readonly program: Steps; readonly measured: readonly Dispatch[] };
}

/** A network whose shapes are measured. */
export interface Source {
  readonly name: string;
  readonly model: () => Model;
  readonly batch: number;
}

/** `few`: batches of the large networks for adapters that emulate a GPU; it has work enough by one image. */
export function sourcesOf(shapes: "quick" | "all", few: boolean): readonly Source[] {
  const quick: Source[] = [
    { name: "interleaved", model: () => interleaved(), batch: few ? 32 : 128 },
    { name: "resnet18", model: () => resnet(18), batch: few ? 1 : 32 },
    { name: "mobilenets", model: () => DEPTHWISE, batch: few ? 8 : 32 },
  ];
  if (shapes === "quick") return quick;
  return [
    ...quick,
    { name: "resnet50", model: () => resnet(50), batch: few ? 1 : 32 },
    // At its own 224×224 a layer takes a second of two CPU cores.
    { name: "vgg16", model: () => vgg(16, few ? { inputShape: [112, 112, 3] } : {}), batch: few ? 1 : 8 },
  ];
}

/** Height and width, channels, window and stride of depthwise layers: MobileNetV2's of 3×3, MobileNetV3's of 5×5. */
const DEPTHWISE_LAYERS = [
  [112, 32, 3, 1],
  [112, 96, 3, 2],
  [56, 144, 3, 1],
  [28, 192, 3, 1],
  [14, 576, 3, 1],
  [7, 960, 3, 1],
  [28, 72, 5, 2],
  [14, 672, 5, 1],
] as const;

/** Those layers beside each other, each with an input of its own, and nothing else. */
const DEPTHWISE: Model = {
  ...{ name: "depthwise", inputShape: [1, 1, 1], classes: 1, options: {} },
  build(images) {
    const ys = DEPTHWISE_LAYERS.map(([extent, channels, kernelSize, stride]) => {
      const name = [extent, channels, kernelSize, stride].join("_");
      const x = images.graph.input(name, [images.shape[0]!, extent, extent, channels], "f32", true);
      const layer = { outChannels: channels, groups: channels, kernelSize, stride, padding: kernelSize >> 1 };
      return conv2d(x, name, { ...layer, bias: false });
    });
    return flatten(ys.at(-1)!);
  },
};

export function kernelCases(sources: readonly Source[], options: GraphOptions): KernelCase[] {
  const cases = new Map<string, KernelCase>();
  for (const { name, model, batch } of sources) {
    const graph = new Graph(options);
    const { inputShape, build } = model();
    build(graph.input("images", [batch, ...inputShape]));
    // Each op as it is alone: what nodes do for each other on a GPU belongs to a step.
    for (const kernelCase of fuse(graph).flatMap(casesOf)) {
      const key = `${kernelCase.name} ${kernelCase.shape}`;
      const known = cases.get(key) ?? kernelCase;
      if (!known.networks.includes(name)) known.networks.push(name);
      cases.set(key, known);
    }
  }
  return [...cases.values(), ...optimizers.map(({ timed }) => updateCase(timed))];
}

/** What the bench times of a node: those of its passes that launch anything. */
function casesOf(node: OpNode): KernelCase[] {
  const declaration = declarations.find(({ op }) => op === node.op)!;
  const bare = declaration.timed?.(node) ?? node;
  return Object.entries(passesOf(declaration, node)).flatMap(([pass, wanted]) => {
    const work = declaration.work(bare, pass);
    if (work.bytes === 0) return [];
    return {
      name: `${node.op.name} ${pass}`,
      shape: declaration.text?.(bare) ?? node.inputs.x!.shape.join("×"),
      networks: [],
      ...work,
      program: (options) => singleOp(bare, wanted, options),
    };
  });
}

function singleOp({ op, inputs, attrs }: OpNode, wanted: readonly string[], options: GraphOptions) {
  const graph = new Graph(options);
  const copies: Record<string, Tensor | undefined> = {};
  for (const [name, tensor] of Object.entries<Tensor | undefined>(inputs)) {
    if (!tensor) continue;
    copies[name] = graph.input(name, tensor.shape, tensor.storage.dtype, wanted.includes(name));
  }
  const outputs = graph.apply(op, op.name, copies as Tensors, attrs);
  // Outputs last as long as the step, so that what is repeated reads what the first run has left.
  for (const [name, tensor] of Object.entries(outputs)) if (tensor) graph.output(name, tensor);
  const y = outputs.y!;
  if (wanted.length === 0) {
    const program = lower(graph);
    return { program, measured: program.dispatches };
  }
  const program = lower(graph, [[y, graph.input("dy", y.shape)]]);
  return { program, measured: program.dispatches.filter(({ label }) => label === `d(${op.name})`) };
}

const [ROWS, COLUMNS] = [1024, 4096];

/** An optimizer's step over one arena. */
const updateCase = ({ optimizer, streams }: OptimizerDeclaration["timed"]): KernelCase => ({
  name: `${optimizer.name} update`,
  shape: `${(ROWS * COLUMNS).toLocaleString("en")} parameters`,
  networks: [],
  bytes: ROWS * COLUMNS * 4 * streams,
  program(options) {
    const graph = new Graph(options);
    const weight = graph.parameter("weight", [ROWS, COLUMNS], zeros, true);
    const x = graph.input("x", [1, ROWS]);
    const { y } = graph.apply(denseOp, "dense", { x, weight, bias: undefined }, {});
    const program = lower(graph, [[y, graph.input("dy", y.shape)]]);
    const update = optimizer.emit(graph, program);
    return { program: withUpdate(program, update), measured: update.dispatches };
  },
});
