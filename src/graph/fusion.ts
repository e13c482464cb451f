import type { Graph } from "./graph.ts";
import type { OpNode } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Returns the graph's nodes, with pairs that one op can compute (`Op.fuse`) merged. The tensor between them is gone
 * then, so nothing is fused across a tensor the host reads, or across `starts`, where gradients start.
 *
 * Goes from last to first, so that a node meets a successor that is already fully fused.
 */
export function fuse({ nodes, outputs }: Graph, starts: readonly Tensor[] = []): readonly OpNode[] {
  const kept = new Set([...outputs.values(), ...starts].map(({ storage }) => storage));
  const fused: OpNode[] = [];
  for (const node of nodes.toReversed()) {
    const { y } = node.outputs;
    const at = y && !kept.has(y.storage) ? soleTaker(fused, y) : -1;
    const next = fused[at];
    const both = next && node.op.fuse?.(node, next);
    if (both) fused[at] = { ...both, label: next.label, outputs: { ...node.outputs, ...next.outputs } };
    else fused.push(node);
  }
  return fused.reverse();
}

/** Index of the only node that takes `tensor`; −1 if there are none or several, or one takes it twice. */
function soleTaker(nodes: readonly OpNode[], tensor: Tensor): number {
  const uses = nodes.flatMap(({ inputs }, i) =>
    Object.values(inputs).flatMap((t) => (t === tensor ? i : [])),
  );
  return uses.length === 1 ? uses[0]! : -1;
}
