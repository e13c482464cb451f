import type { Graph } from "./graph.ts";
import type { OpNode } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/**
 * A graph's nodes with those made one that an op computes in one (`Op.fuse`). What lies between them has no tensor
 * then, so nothing is fused across what the host reads, nor across `starts`, where gradients start.
 *
 * They are taken from the last to the first, so that a node meets its successor with all that this one could take.
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

/** Where the only node is that takes a tensor, and takes it once; −1 if there is none. */
function soleTaker(nodes: readonly OpNode[], tensor: Tensor): number {
  const uses = nodes.flatMap(({ inputs }, i) =>
    Object.values(inputs).flatMap((t) => (t === tensor ? i : [])),
  );
  return uses.length === 1 ? uses[0]! : -1;
}
