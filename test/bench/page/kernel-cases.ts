/** The passes of ops in training, on the shapes of whole networks. */
import type { Model } from "webgraft";
import {
  adamw,
  Graph,
  type GraphOptions,
  interleaved,
  type Optimizer,
  Program,
  resnet,
  sgd,
  vgg,
} from "webgraft";
import type { Dispatch, OpNode, Tensors } from "../../../src/graph/op.ts";
import type { Tensor } from "../../../src/graph/tensor.ts";
import { zeros } from "../../../src/layers/init.ts";
import { denseOp } from "../../../src/ops/conv/dense.ts";
import { shapeText, type Work, workOf } from "./work.ts";

/** A pass of an op, as it runs in a training step. */
export interface KernelCase extends Work {
  /** `conv2d grad weight`. */
  readonly name: string;
  readonly shape: string;
  /** The networks that contain it. */
  readonly networks: string[];
  /** The program, and which of its launches are measured; the others come first and run once. */
  program(options: GraphOptions): { readonly program: Program; readonly measured: readonly Dispatch[] };
}

/** A network whose shapes are measured. */
export interface Source {
  readonly name: string;
  readonly model: () => Model;
  readonly batch: number;
}

/** `few`: smaller batches, for adapters that emulate a GPU, which a single image keeps busy. */
export function sourcesOf(shapes: "quick" | "all", few: boolean): readonly Source[] {
  const quick: Source[] = [
    { name: "interleaved", model: () => interleaved(), batch: few ? 32 : 128 },
    { name: "resnet18", model: () => resnet(18), batch: few ? 1 : 32 },
  ];
  if (shapes === "quick") return quick;
  return [
    ...quick,
    { name: "resnet50", model: () => resnet(50), batch: few ? 1 : 32 },
    // At its usual 224×224 a layer takes two CPU cores a second.
    { name: "vgg16", model: () => vgg(16, few ? { inputShape: [112, 112, 3] } : {}), batch: few ? 1 : 8 },
  ];
}

/** The passes of an op, with the inputs that need a gradient; the forward pass has none. */
const PASSES: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  conv2d: { forward: [], "grad input": ["x"], "grad weight": ["weight"] },
  dense: { forward: [], "grad input": ["x"], "grad weight": ["weight"] },
  batch_norm: { forward: [], backward: ["x", "weight", "bias", "residual"] },
  max_pool2d: { forward: [], backward: ["x"] },
  global_avg_pool: { forward: [], backward: ["x"] },
};

export function kernelCases(sources: readonly Source[], options: GraphOptions): KernelCase[] {
  const cases = new Map<string, KernelCase>();
  for (const { name, model, batch } of sources) {
    const graph = new Graph(options);
    const { inputShape, build } = model();
    build(graph.input("images", [batch, ...inputShape]));
    for (const kernelCase of new Program(graph).nodes.flatMap(casesOf)) {
      const key = `${kernelCase.name} ${kernelCase.shape}`;
      const known = cases.get(key) ?? kernelCase;
      if (!known.networks.includes(name)) known.networks.push(name);
      cases.set(key, known);
    }
  }
  return [
    ...cases.values(),
    updateCase("sgd", sgd({ lr: 1e-3, momentum: 0.9 }), 5),
    updateCase("adamw", adamw({ lr: 1e-3 }), 7),
  ];
}

function casesOf(node: OpNode): KernelCase[] {
  const bare = withoutEpilogue(node);
  return (
    Object.entries(PASSES[node.op.name] ?? {})
      // A gradient that the network does not need, such as that of the images, is not measured.
      .filter(([, wanted]) => wanted.length === 0 || wanted.some((name) => node.inputs[name]?.requiresGrad))
      .map(([pass, wanted]) => ({
        name: `${node.op.name} ${pass}`,
        shape: shapeText(bare),
        networks: [],
        ...workOf(bare, wanted.length > 0),
        program: (options) => singleOp(bare, wanted, options),
      }))
  );
}

/** Removes bias and activation, which only some networks have, so that products are measured alone. */
function withoutEpilogue(node: OpNode): OpNode {
  if (node.op.name !== "conv2d" && node.op.name !== "dense") return node;
  const { activation: _, ...attrs } = node.attrs as Record<string, unknown>;
  return { ...node, attrs, inputs: { ...node.inputs, bias: undefined } };
}

function singleOp({ op, inputs, attrs }: OpNode, wanted: readonly string[], options: GraphOptions) {
  const graph = new Graph(options);
  const copies: Record<string, Tensor | undefined> = {};
  for (const [name, tensor] of Object.entries<Tensor | undefined>(inputs)) {
    if (!tensor) continue;
    copies[name] = graph.input(name, tensor.shape, tensor.storage.dtype, wanted.includes(name));
  }
  const outputs = graph.apply(op, op.name, copies as Tensors, attrs);
  // Outputs are kept for the whole step, so that repeated launches read what the first run wrote.
  for (const [name, tensor] of Object.entries(outputs)) if (tensor) graph.output(name, tensor);
  const y = outputs.y!;
  if (wanted.length === 0) {
    const program = new Program(graph);
    return { program, measured: program.dispatches };
  }
  const program = new Program(graph, [[y, graph.input("dy", y.shape)]]);
  return { program, measured: program.dispatches.filter(({ label }) => label === `d(${op.name})`) };
}

const [ROWS, COLUMNS] = [1024, 4096];

/** An optimizer's step over one arena, which reads and writes `passes` times the arena's bytes. */
const updateCase = (name: string, optimizer: Optimizer, passes: number): KernelCase => ({
  name: `${name} update`,
  shape: `${(ROWS * COLUMNS).toLocaleString("en")} parameters`,
  networks: [],
  bytes: ROWS * COLUMNS * 4 * passes,
  program(options) {
    const graph = new Graph(options);
    const weight = graph.parameter("weight", [ROWS, COLUMNS], zeros, true);
    const x = graph.input("x", [1, ROWS]);
    const { y } = graph.apply(denseOp, "dense", { x, weight, bias: undefined }, {});
    const program = new Program(graph, [[y, graph.input("dy", y.shape)]]);
    const before = program.dispatches.length;
    optimizer.emit(program);
    return { program, measured: program.dispatches.slice(before) };
  },
});
