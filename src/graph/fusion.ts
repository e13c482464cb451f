import type { Graph } from "./graph.ts";
import type { OpNode } from "./op.ts";
import type { Tensor } from "./tensor.ts";

/**
 * The nodes of a graph with those made one that an op computes in one (`Op.fuse`); the graph stays as it is. What
 * lies between them has no tensor then, so nothing is fused across an output of the graph or one of `kept`.
 *
 * Nodes are taken from the last to the first, so that a node meets its successor with all that this one could take.
 */
export function fuse(graph: Graph, kept: Iterable<Tensor> = []): readonly OpNode[] {
  const keptStorages = new Set([...graph.outputs.values(), ...kept].map(({ storage }) => storage));
  const nodes: OpNode[] = [];
  for (const node of graph.nodes.toReversed()) {
    const { y } = node.outputs;
    const at = y && !keptStorages.has(y.storage) ? soleTaker(nodes, y) : -1;
    const next = nodes[at];
    const fused = next && node.op.fuse?.(node, next);
    if (fused) nodes[at] = { ...fused, label: next.label, outputs: { ...node.outputs, ...next.outputs } };
    else nodes.push(node);
  }
  return nodes.reverse();
}

/** Where the only node is that takes a tensor, and takes it once; −1 if there is none. */
function soleTaker(nodes: readonly OpNode[], tensor: Tensor): number {
  const uses = nodes.flatMap(({ inputs }, i) =>
    Object.values(inputs).flatMap((t) => (t === tensor ? i : [])),
  );
  return uses.length === 1 ? uses[0]! : -1;
}
