/** Work of a pass of convolutions and dense layers: products of the extents of x, weight and y. */
import type { OpNode, Tensors } from "../../../src/graph/op.ts";
import { bytes, numbers, type Work } from "../../support/op/declaration.ts";

export const PASSES = { forward: [], "grad input": ["x"], "grad weight": ["weight"] } as const;

export function products({ inputs, outputs }: OpNode): Work {
  const [x, weight, y] = [inputs.x!, inputs.weight!, outputs.y!];
  const depth = numbers(weight) / weight.shape.at(-1)!;
  return { flops: 2 * numbers(y) * depth, bytes: bytes(x, weight, y) };
}

/** The products alone, without the bias and activation that some networks add. */
export function withoutEpilogue(node: OpNode<Tensors, object>): OpNode {
  const { activation: _, ...attrs } = node.attrs as { readonly activation?: unknown };
  return { ...node, attrs, inputs: { ...node.inputs, bias: undefined } } as OpNode;
}
