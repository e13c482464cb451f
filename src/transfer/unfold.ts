import { isNode } from "../graph/op.ts";
import { inspect, type Model } from "../models/model.ts";
import { conv2dOp } from "../ops/conv/conv2d.ts";
import { batchNormOp } from "../ops/norm/batch-norm.ts";
import type { NamedWeights } from "../weights/tensors.ts";

/**
 * Adds batch norms to weights in which they were folded into the convolutions before them, as ONNX exporters do, for a
 * model that has them. Such a norm adds the bias that its convolution got, unless the model's convolution has a bias
 * itself, and changes nothing else. `parts` are the prefixes under which the model may have the file's names;
 * `unfolded` holds the model's names of the norms.
 */
export function withNorms(
  weights: NamedWeights,
  model: Model,
  parts: Iterable<string>,
): { readonly weights: NamedWeights; readonly unfolded: readonly string[] } {
  const all = new Map(weights);
  const unfolded: string[] = [];
  const { nodes } = inspect(model);
  for (const node of nodes) {
    if (!isNode(node, batchNormOp)) continue;
    const { inputs, attrs } = node;
    const conv = nodes.find(({ outputs }) => outputs.y === inputs.x);
    if (!conv || !isNode(conv, conv2dOp)) continue;
    const [from, to] = [conv.inputs.weight.name, inputs.weight.name].map((name) =>
      name.replace(/weight$/, ""),
    );
    for (const part of parts) {
      if (!from!.startsWith(part) || !to!.startsWith(part)) continue;
      const [theirs, norm] = [from!.slice(part.length), to!.slice(part.length)];
      const bias = weights.get(`${theirs}bias`);
      if (!bias || !weights.has(`${theirs}weight`) || weights.has(`${norm}weight`)) continue;
      const constant = (value: number) => ({ shape: bias.shape, data: bias.data.slice().fill(value) });
      all.set(`${norm}weight`, constant(1)).set(`${norm}bias`, conv.inputs.bias ? constant(0) : bias);
      // Together with eps the variance is 1.
      all.set(`${norm}running_mean`, constant(0));
      all.set(`${norm}running_var`, constant(1 - attrs.eps));
      if (!conv.inputs.bias) all.delete(`${theirs}bias`);
      unfolded.push(to!.slice(0, -1));
      break;
    }
  }
  return { weights: all, unfolded };
}
