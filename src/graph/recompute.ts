/**
 * Recomputes activations instead of keeping them for the backward pass. The nodes are cut into segments; each but the
 * last keeps only what later segments read. Walking backwards, a segment's nodes run again right before their
 * gradients, on the same values, so the results are the same bit for bit.
 *
 * Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016. They cut by hand or into equal parts; here the
 * bytes of the graph decide.
 */
import type { Graph } from "./graph.ts";
import type { Dispatch, OpNode } from "./op.ts";
import { bytesOf, type Storage, type Tensor } from "./tensor.ts";

/** Consecutive nodes. */
export interface Segment {
  readonly nodes: readonly OpNode[];
  /** Storages they write that are kept, if the segment runs again. */
  readonly kept?: ReadonlySet<Storage>;
}

/** Storages a node writes that need not be kept: excludes views and `Op.again.keeps`. */
function written({ op, outputs, inputs }: OpNode): Storage[] {
  const given = new Set(Object.values(inputs).map((tensor) => tensor?.storage));
  const keeps: readonly string[] = [...(op.again?.keeps ?? []), ...(op.unwritten ?? [])];
  return Object.entries(outputs).flatMap(([key, tensor]) =>
    tensor && !keeps.includes(key) && !given.has(tensor.storage) ? [tensor.storage] : [],
  );
}

/**
 * Cuts nodes into segments so that peak memory is least. While a segment runs backwards, its own activations, two
 * gradients and what earlier segments keep are alive; later segments are done. So the first segments, whose activations
 * are large in a CNN, may be longer.
 */
export function segmentsOf(nodes: readonly OpNode[], outputs: Iterable<Tensor>): readonly Segment[] {
  // Nodes before the first gradient are not differentiated; everything later nodes read of theirs is kept.
  const first = nodes.findIndex((node) => Object.values(node.outputs).some((tensor) => tensor?.requiresGrad));
  if (first < 0) return [{ nodes }];
  const trained = nodes.slice(first);
  const storages = trained.map(written);
  const lastRead = new Map<Storage, number>();
  trained.forEach(({ inputs }, i) => {
    for (const tensor of Object.values(inputs)) if (tensor) lastRead.set(tensor.storage, i);
  });
  for (const { storage } of outputs) lastRead.set(storage, trained.length);
  const isReadFrom = (at: number) => (storage: Storage) => (lastRead.get(storage) ?? 0) >= at;

  const cuts = bestCuts(spansOf(storages, isReadFrom));
  const segments = cuts.map((from, i): Segment => {
    const to = cuts[i + 1] ?? trained.length;
    if (to === trained.length) return { nodes: trained.slice(from) };
    return {
      nodes: trained.slice(from, to),
      kept: new Set(storages.slice(from, to).flat().filter(isReadFrom(to))),
    };
  });
  return first > 0 ? [{ nodes: nodes.slice(0, first) }, ...segments] : segments;
}

/** Bytes of nodes `from` to `to` − 1 as one segment, at `[from][to]`. */
interface Spans {
  /** Alive while it runs backwards, besides what other segments keep. */
  readonly needed: readonly Float64Array[];
  /** What it keeps for later segments. */
  readonly kept: readonly Float64Array[];
}

function spansOf(
  storages: readonly (readonly Storage[])[],
  isReadFrom: (at: number) => (storage: Storage) => boolean,
): Spans {
  const bytes = (list: readonly Storage[]): number =>
    list.reduce((sum, storage) => sum + bytesOf(storage), 0);
  const count = storages.length;
  const needed = storages.map(() => new Float64Array(count + 1));
  const kept = storages.map(() => new Float64Array(count + 1));
  for (let from = 0; from < count; from++) {
    let all = 0;
    let largest = 0;
    let open: Storage[] = [];
    for (let to = from + 1; to <= count; to++) {
      const own = storages[to - 1]!;
      all += bytes(own);
      largest = Math.max(largest, bytes(own));
      open = [...open, ...own].filter(isReadFrom(to));
      needed[from]![to] = all + 2 * largest; // a gradient comes, another goes
      kept[from]![to] = bytes(open);
    }
  }
  return { needed, kept };
}

/** Segment starts that minimise peak memory, to within a thousandth. */
function bestCuts(spans: Spans): readonly number[] {
  let enough = spans.needed[0]!.at(-1)!; // one segment
  let tooLittle = 0;
  let best: readonly number[] = [0];
  while (enough - tooLittle > 0.001 * enough) {
    const limit = (enough + tooLittle) / 2;
    const cuts = cutsWithin(limit, spans);
    if (cuts) [enough, best] = [limit, cuts];
    else tooLittle = limit;
  }
  return best;
}

/**
 * Segment starts with a peak of at most `limit` bytes; undefined if there are none. By dynamic programming: of all ways
 * to cut the nodes before a given one, the best for what follows keeps the fewest bytes.
 */
function cutsWithin(limit: number, { needed, kept }: Spans): readonly number[] | undefined {
  const count = needed.length;
  const keptBefore = new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY);
  const start = new Int32Array(count + 1).fill(-1);
  keptBefore[0] = 0;
  for (let to = 1; to <= count; to++) {
    for (let from = 0; from < to; from++) {
      if (keptBefore[from]! + needed[from]![to]! > limit) continue;
      const sum = keptBefore[from]! + kept[from]![to]!;
      // The last segment does not run again, so the longer the better.
      if (to === count ? start[to]! >= 0 : sum >= keptBefore[to]!) continue;
      keptBefore[to] = sum;
      start[to] = from;
    }
  }
  if (start[count]! < 0) return undefined;
  const cuts: number[] = [];
  for (let at = count; at > 0; at = start[at]!) cuts.unshift(start[at]!);
  return cuts;
}

/** Copies of `nodes` with new tensors except for `kept`, and a map from the new tensors to the originals. */
export function copyNodes(
  graph: Graph,
  nodes: readonly OpNode[],
  kept: ReadonlySet<Storage>,
): { readonly copies: readonly OpNode[]; readonly originals: ReadonlyMap<Tensor, Tensor> } {
  const copyOf = new Map<Tensor, Tensor>();
  const copies = nodes.map((node): OpNode => {
    const inputs: Record<string, Tensor | undefined> = {};
    for (const [key, tensor] of Object.entries(node.inputs)) {
      inputs[key] = tensor && (copyOf.get(tensor) ?? tensor);
    }
    const views: OpNode["outputs"] = node.op.views?.(inputs, node.attrs) ?? {};
    const fresh = new Set(written(node).filter((storage) => !kept.has(storage)));
    const outputs: Record<string, Tensor | undefined> = {};
    for (const [key, tensor] of Object.entries(node.outputs)) {
      outputs[key] = tensor;
      const { storage } = views[key] ?? {};
      if (!tensor || (storage ? storage === tensor.storage : !fresh.has(tensor.storage))) continue;
      const { role, dtype } = tensor.storage;
      const copy = storage
        ? { ...tensor, storage }
        : { ...graph.tensor(tensor.name, tensor.shape, { role, dtype }), requiresGrad: tensor.requiresGrad };
      outputs[key] = copy;
      copyOf.set(tensor, copy);
    }
    return { ...node, inputs, outputs };
  });
  return { copies, originals: new Map([...copyOf].map(([tensor, copy]) => [copy, tensor])) };
}

/** The launches of `again` whose results `readers` need, directly or through other launches of `again`. */
export function needed(
  again: readonly Dispatch[],
  readers: readonly Dispatch[],
  kept: ReadonlySet<Storage>,
): readonly Dispatch[] {
  const read = new Set<Storage>();
  const note = ({ bindings }: Dispatch): void => {
    for (const { storage } of Object.values(bindings)) if (!kept.has(storage)) read.add(storage);
  };
  readers.forEach(note);
  const found: Dispatch[] = [];
  for (const dispatch of again.toReversed()) {
    const { kernel, bindings } = dispatch;
    if (!kernel.bindings.some(({ name, access }) => access !== "read" && read.has(bindings[name]!.storage)))
      continue;
    note(dispatch);
    found.push(dispatch);
  }
  return found.reverse();
}
