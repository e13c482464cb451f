import type { Graph } from "./graph.ts";
import type { OpNode } from "./op.ts";
import type { Storage, Tensor } from "./tensor.ts";

/**
 * Lets two nodes stay apart but pass on less through memory: returns what they become, with the same outputs and maybe
 * more; undefined if they cannot. `next` is the first that takes y of `node`, so that its gradient is the last to arrive
 * there; `alone` says that nothing else takes it.
 */
export type Fusion = (
  node: OpNode,
  next: OpNode,
  alone: boolean,
) => readonly [node: OpNode, next: OpNode] | undefined;

/**
 * Returns the graph's nodes, with pairs that one op can compute (`Op.fuse`) merged, and then `fusions`, one after the
 * other, applied to pairs. The tensor between them is gone then, or not written, so nothing is fused across a tensor the
 * host reads, or across `starts`, where gradients start.
 *
 * Merges from last to first, so that a node meets a successor that is already fully merged.
 */
export function fuse(
  { nodes, outputs }: Graph,
  starts: readonly Tensor[] = [],
  fusions: readonly Fusion[] = [],
): readonly OpNode[] {
  const kept = new Set([...outputs.values(), ...starts].map(({ storage }) => storage));
  const fused: OpNode[] = [];
  for (const node of nodes.toReversed()) {
    const [at, more] = takersIn(fused, kept)(node);
    const next = at !== undefined && more === undefined ? fused[at] : undefined;
    const both = next && node.op.fuse?.(node, next);
    if (both) fused[at!] = { ...both, label: next.label, outputs: { ...node.outputs, ...next.outputs } };
    else fused.push(node);
  }
  fused.reverse();
  for (const fusion of fusions) {
    const takers = takersIn(fused, kept);
    for (let i = 0; i < fused.length; i++) {
      const [first, more] = takers(fused[i]!);
      const pair = first !== undefined && fusion(fused[i]!, fused[first]!, more === undefined);
      if (pair) [fused[i], fused[first]] = pair;
    }
  }
  return fused;
}

/** Tells who takes y of a node: indices of `nodes`, twice where one takes it twice; nobody where it is kept. */
function takersIn(nodes: readonly OpNode[], kept: ReadonlySet<Storage>): (node: OpNode) => readonly number[] {
  const takers = new Map<Tensor, number[]>();
  nodes.forEach(({ inputs }, i) => {
    for (const tensor of Object.values(inputs)) {
      if (tensor) takers.set(tensor, [...(takers.get(tensor) ?? []), i]);
    }
  });
  return ({ outputs: { y } }) => (y && !kept.has(y.storage) && takers.get(y)) || [];
}
