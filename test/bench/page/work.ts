import type { OpNode } from "../../../src/graph/op.ts";
import { storedLength, type Tensor } from "../../../src/graph/tensor.ts";
import type { Conv2dAttrs } from "../../../src/ops/conv/conv2d.ts";
import type { BatchNorm } from "../../../src/ops/norm/batch-norm.ts";

/** The least work of a pass of an op, with any kernels. */
export interface Work {
  /** Multiplications and additions of products; missing if only memory counts. */
  readonly flops?: number;
  /** Bytes read and written if each pass over a tensor touches it once. */
  readonly bytes: number;
}

export function workOf({ op, inputs, attrs, outputs }: OpNode, backward: boolean): Work {
  const x = inputs.x!;
  const y = outputs.y!;
  switch (op.name) {
    case "conv2d":
    case "dense": {
      // The gradients are products of the same three tensors' extents.
      const weight = inputs.weight!;
      const depth = numbers(weight) / weight.shape.at(-1)!;
      return { flops: 2 * numbers(y) * depth, bytes: bytes(x, weight, y) };
    }
    case "batch_norm": {
      const { activation } = attrs as BatchNorm;
      const { residual } = inputs;
      if (!backward) return { bytes: bytes(x, x, y, residual) };
      // Once for the sums and once for dx. y gives the activation's derivative only if there is a residual, else x does.
      const mask = residual && activation ? y : undefined;
      return { bytes: bytes(x, y, mask) * 2 + bytes(x, mask) };
    }
    case "max_pool2d":
      return { bytes: bytes(x, y, outputs.index) };
    default:
      return { bytes: bytes(x, y) };
  }
}

/** `1×56×56×64 → 64, 3×3`, or the shape of x and what else matters. */
export function shapeText({ op, inputs, attrs }: OpNode): string {
  const x = inputs.x!.shape.join("×");
  switch (op.name) {
    case "conv2d": {
      const [R, S, , K] = inputs.weight!.shape;
      const { stride, dilation, groups } = attrs as Conv2dAttrs;
      const more = [
        stride[0] > 1 ? `, stride ${stride[0]}` : "",
        dilation[0] > 1 ? `, dilation ${dilation[0]}` : "",
        groups > 1 ? `, ${groups} groups` : "",
      ];
      return `${x} → ${K}, ${R}×${S}${more.join("")}`;
    }
    case "dense":
      return `${x} → ${inputs.weight!.shape[1]}`;
    case "batch_norm": {
      const { activation } = attrs as BatchNorm;
      return `${x}${inputs.residual ? " + residual" : ""}${activation ? `, ${activation.name}` : ""}`;
    }
    default:
      return x;
  }
}

const numbers = ({ shape }: Tensor): number => shape.reduce((product, extent) => product * extent, 1);

const bytes = (...tensors: readonly (Tensor | undefined)[]): number =>
  tensors.reduce((sum, t) => sum + (t ? storedLength(t.shape, t.storage.dtype) * 4 : 0), 0);
