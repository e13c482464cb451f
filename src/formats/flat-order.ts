import { WeightsError } from "../base/errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { Tensor } from "../graph/tensor.ts";
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
  for (const { op, label, inputs, outputs } of graph.nodes) {
    if (op.name === flattenOp.name) {
      const [, H, W, C] = inputs.x!.shape as [number, number, number, number];
      if (H * W > 1 && C > 1) flat.add(outputs.y);
    } else if (op.name !== denseOp.name && Object.values(inputs).some((t) => flat.has(t))) {
      if (op.name === activationOp.name || op.name === dropoutOp.name) flat.add(outputs.y);
      else problems.push(`${label} (${op.name})`);
    }
  }
  for (const [name, tensor] of graph.outputs) if (flat.has(tensor)) problems.push(`the output ${name}`);
  if (problems.length > 0) {
    throw new WeightsError(
      `${source}: only dense layers may follow a flattened map, whose order differs — got ${problems.join(", ")}`,
    );
  }
}
