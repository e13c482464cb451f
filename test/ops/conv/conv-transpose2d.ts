import {
  type ConvTranspose2d,
  convTranspose2dOp,
} from "../../../src/ops/conv/transposed/conv-transpose2d.ts";
import { IDENTITY } from "../../../src/ops/elementwise/activation.ts";
import { bytes, CPU, declare, type OpCase, type Shape } from "../../support/op/declaration.ts";
import { activate } from "../../support/reference/activation.ts";
import { convTranspose2d as reference } from "../../support/reference/conv.ts";

const PLAIN = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 } as const;

function given(
  x: Shape,
  weight: Shape,
  attrs: Partial<ConvTranspose2d> = {},
  bias = false,
): OpCase<ConvTranspose2d> {
  const { groups = 1 } = attrs;
  return {
    name: `(${x}) * (${weight}) ${JSON.stringify(attrs)}${bias ? ", bias" : ""}`,
    inputs: { x, weight, ...(bias && { bias: [weight[2]! * groups] }) },
    attrs: { ...PLAIN, outputPadding: [0, 0], ...attrs },
  };
}

export const convTranspose2d = declare({
  op: convTranspose2dOp,
  reference({ x, weight, bias }, { activation = IDENTITY, ...attrs }) {
    const { shape, data } = reference(x!, weight!, bias, attrs);
    return { y: { shape, data: data.map((z) => activate(z, activation)) } };
  },
  cases: [
    // Twice as large, as decoders have it; by 3×3 with output padding; as Winograd computes it.
    { ...given([2, 4, 5, 8], [2, 2, 6, 8], { stride: [2, 2] }, true), half: true },
    given([1, 5, 4, 5], [3, 3, 3, 5], { stride: [2, 2], padding: [1, 1, 1, 1], outputPadding: [1, 1] }, true),
    given([2, 6, 5, 5], [3, 3, 7, 5], { padding: [1, 1, 1, 1], activation: { name: "relu" } }),
    // Sides that differ, strides with gaps, dilation with more output padding than stride; one pixel, one channel.
    given([1, 3, 4, 6], [2, 3, 5, 6], { stride: [3, 1], padding: [0, 1, 1, 2], outputPadding: [2, 0] }),
    given([2, 4, 3, 3], [2, 2, 4, 3], { dilation: [2, 3], outputPadding: [1, 2] }),
    given([1, 1, 1, 1], [3, 2, 1, 1], { activation: { name: "tanh" } }, true),
    given([2, 4, 3, 6], [3, 3, 2, 6], { groups: 3, stride: [2, 2], padding: [1, 1, 1, 1] }, true),
    given([1, 4, 3, 6], [4, 4, 1, 6], { groups: 6, stride: [2, 2], padding: [1, 1, 1, 1] }),
  ],
  // The kernels are those of conv2d, where all are tested; those of a CPU compile the fastest.
  devices: { "": CPU },
  tolerance: ({ inputs }) => {
    const [, H, W] = inputs.x as Shape;
    const [R, S, K, C] = inputs.weight as Shape;
    return 1e-6 * Math.sqrt(R! * S! * Math.max(K!, C!) + H! * W! + 16);
  },
  half: { activations: ["x"] },
  work({ inputs: { x, weight, bias }, outputs: { y } }, pass) {
    const [R, S, channels] = weight.shape as [number, number, number];
    const products = x.shape.reduce((a, b) => a * b) * R * S * channels;
    const forward = pass === "forward";
    return {
      flops: (forward ? 2 : 4) * products,
      bytes: forward ? bytes(x, weight, bias, y) : 2 * bytes(x, weight, y),
    };
  },
  text: ({ inputs: { x, weight }, attrs: { stride } }) =>
    `${x.shape.join("×")}, ${weight.shape[0]}×${weight.shape[1]}, stride ${stride[0]}`,
});
