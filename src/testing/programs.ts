/** The programs that run an op by itself; made without a device. */
import type { Seed } from "../graph/autodiff.ts";
import { Graph } from "../graph/graph.ts";
import type { Op, Tensors } from "../graph/op.ts";
import { isFloat, pad4, type Tensor } from "../graph/tensor.ts";
import type { Capabilities } from "../kernel/capabilities.ts";
import { lower, type Program } from "../ops/lower.ts";
import { dtypeOf, gradsOf, type OpCase, shapeOf } from "./case.ts";

type AnyOp = { readonly op: Op<Tensors, unknown, Tensors> };

/** Runs the op on its inputs and reads all inputs and outputs, padding included. */
export function forwardProgram({ op }: AnyOp, given: OpCase, device: Capabilities): Program {
  const graph = new Graph({ mode: "train", device });
  const inputs = declareInputs(graph, given);
  const outputs = graph.apply(op, "op", inputs, given.attrs);
  for (const [name, tensor] of Object.entries({ ...inputs, ...outputs })) {
    if (tensor) graph.output(name, stored(tensor));
  }
  return lower(graph);
}

/**
 * The gradients of a case's inputs, each used by `uses` nodes: from the second on, gradients are added up. The gradient
 * of y of node i is the input `dy<i>`; a loss is differentiated from its first number.
 */
export function backwardProgram({ op }: AnyOp, given: OpCase, device: Capabilities, uses: number): Program {
  const graph = new Graph({ mode: "train", device });
  const inputs = declareInputs(graph, given);
  const seeds = Array.from({ length: uses }, (_, i): Seed => {
    const { y, loss } = graph.apply(op, `op${i}`, inputs, given.attrs);
    return y ? [y, graph.input(`dy${i}`, y.shape, y.storage.dtype)] : [loss!, null];
  });
  const program = lower(graph, seeds);
  for (const name of gradsOf(given)) {
    const gradient = program.gradients.get(inputs[name]!);
    if (!gradient) throw new Error(`${op.name} gives no gradient for ${name}`);
    graph.output(`d${name}`, stored(gradient));
  }
  return program;
}

/** The inputs of a case in a graph; those whose gradients are checked require them. */
export function declareInputs(graph: Graph, given: OpCase): Record<string, Tensor> & Tensors {
  const wanted = gradsOf(given);
  return Object.fromEntries(
    Object.entries(given.inputs).map(([name, spec]) => [
      name,
      graph.input(name, shapeOf(spec), dtypeOf(spec), wanted.includes(name)),
    ]),
  );
}

/** The tensor as stored, so that its padding is read too. */
const stored = (tensor: Tensor): Tensor => ({
  ...tensor,
  shape: isFloat(tensor.storage.dtype)
    ? [...tensor.shape.slice(0, -1), pad4(tensor.shape.at(-1)!)]
    : tensor.shape,
});
