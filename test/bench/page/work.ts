import { isNode, type OpNode } from "../../../src/graph/op.ts";
import { storedLength, type Tensor } from "../../../src/graph/tensor.ts";
import { conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import { denseOp } from "../../../src/ops/conv/dense.ts";
import { batchNormOp } from "../../../src/ops/norm/batch-norm.ts";
import { maxPool2dOp } from "../../../src/ops/pool/pool.ts";

/** What a pass of an op has to do at least, whatever its kernels. */
export interface Work {
  /** Multiplications and additions of products; missing where memory is all that counts. */
  readonly flops?: number;
  /** Bytes to be read and written if each pass over a tensor touches it once. */
  readonly bytes: number;
}

export function workOf(node: OpNode, backward: boolean): Work {
  if (isNode(node, conv2dOp) || isNode(node, denseOp)) {
    // The gradients are products of the same three tensors' extents.
    const { x, weight } = node.inputs;
    const { y } = node.outputs;
    const depth = numbers(weight) / weight.shape.at(-1)!;
    return { flops: 2 * numbers(y) * depth, bytes: bytes(x, weight, y) };
  }
  if (isNode(node, batchNormOp)) {
    const { x, residual } = node.inputs;
    const { y } = node.outputs;
    if (!backward) return { bytes: bytes(x, x, y, residual) };
    // Once for the sums and once for dx; y only where it tells the derivative, which x does without a residual.
    const mask = residual && node.attrs.activation ? y : undefined;
    return { bytes: bytes(x, y, mask) * 2 + bytes(x, mask) };
  }
  const index = isNode(node, maxPool2dOp) ? node.outputs.index : undefined;
  return { bytes: bytes(node.inputs.x, node.outputs.y, index) };
}

/** `1×56×56×64 → 64, 3×3`, or the shape of x and what else matters. */
export function shapeText(node: OpNode): string {
  const x = node.inputs.x!.shape.join("×");
  if (isNode(node, conv2dOp)) {
    const [R, S, , K] = node.inputs.weight.shape;
    const { stride, dilation, groups } = node.attrs;
    const more = [
      stride[0] > 1 ? `, stride ${stride[0]}` : "",
      dilation[0] > 1 ? `, dilation ${dilation[0]}` : "",
      groups > 1 ? `, ${groups} groups` : "",
    ];
    return `${x} → ${K}, ${R}×${S}${more.join("")}`;
  }
  if (isNode(node, denseOp)) return `${x} → ${node.inputs.weight.shape[1]}`;
  if (isNode(node, batchNormOp)) {
    const { activation } = node.attrs;
    return `${x}${node.inputs.residual ? " + residual" : ""}${activation ? `, ${activation.name}` : ""}`;
  }
  return x;
}

const numbers = ({ shape }: Tensor): number => shape.reduce((product, extent) => product * extent, 1);

const bytes = (...tensors: readonly (Tensor | undefined)[]): number =>
  tensors.reduce((sum, t) => sum + (t ? storedLength(t.shape, t.storage.dtype) * 4 : 0), 0);
