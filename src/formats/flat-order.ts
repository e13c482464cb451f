import { WeightsError } from "../base/errors.ts";
import type { Graph } from "../graph/graph.ts";
import { isNode } from "../graph/op.ts";
import { nhwc, type Tensor } from "../graph/tensor.ts";
import { denseOp } from "../ops/conv/dense.ts";
import { activationOp } from "../ops/elementwise/activation.ts";
import { dropoutOp } from "../ops/elementwise/dropout.ts";
import { flattenOp } from "../ops/layout/flatten.ts";

/**
 * A flattened map is in (H, W, C) order here, and in (C, H, W) order in ONNX and PyTorch. Only the weights of dense
 * layers are permuted between the two. Throws WeightsError, naming `source`, if a graph uses a flattened map in any
 * other way, which would be silently wrong.
 */
export function checkFlatOrder(graph: Graph, source: string): void {
  const flat = new Set<Tensor | undefined>();
  const problems: string[] = [];
  for (const node of graph.nodes) {
    if (isNode(node, flattenOp)) {
      const [, H, W, C] = nhwc(node.op.name, node.inputs.x);
      if (H * W > 1 && C > 1) flat.add(node.outputs.y);
    } else if (!isNode(node, denseOp) && Object.values(node.inputs).some((t) => flat.has(t))) {
      if (isNode(node, activationOp) || isNode(node, dropoutOp)) flat.add(node.outputs.y);
      else problems.push(`${node.label} (${node.op.name})`);
    }
  }
  for (const [name, tensor] of graph.outputs) if (flat.has(tensor)) problems.push(`the output ${name}`);
  if (problems.length > 0) {
    throw new WeightsError(
      `${source}: only dense layers may follow a flattened map, whose order differs — got ${problems.join(", ")}`,
    );
  }
}
