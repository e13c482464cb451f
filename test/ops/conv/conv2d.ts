import { type Conv2dAttrs, conv2dOp } from "../../../src/ops/conv/conv2d.ts";
import {
  CPU,
  type Devices,
  declare,
  type OpCase,
  type Shape,
  WITH_AND_WITHOUT_SUBGROUPS,
} from "../../support/op/declaration.ts";
import { EMULATED_UNITS } from "../../support/op/emulated-units.ts";
import { conv2d as conv2dReference, fusedActivation } from "../../support/reference/conv.ts";
import { PASSES, products, withoutEpilogue } from "./products.ts";
import { winogradCases } from "./winograd.ts";

const PLAIN: Conv2dAttrs = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 };
const ONE: Conv2dAttrs["padding"] = [1, 1, 1, 1];
const RELU = { name: "relu" } as const;

/** A case whose name lists every option that is not plain. */
function given(
  x: Shape,
  weight: Shape,
  attrs: Partial<Conv2dAttrs> = {},
  biased = false,
): OpCase<Conv2dAttrs> {
  const full = { ...PLAIN, ...attrs };
  const inputs = { x, weight, ...(biased && { bias: [weight[3]!] }) };
  const options = Object.entries(attrs).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  const shapes = Object.entries(inputs).map(([name, shape]) => `${name} (${shape.join(", ")})`);
  return { name: [...shapes, ...options].join(" "), inputs, attrs: full };
}

const isSplit = (variant: string): boolean => variant.endsWith("_splits");
const isAhead = (variant: string): boolean => variant.endsWith("_ahead");
/** By how many blocks of depth a panel holds. */
const AHEAD = ["8x8_workgroup_8x8_ahead", "4x8_workgroup_16x8_ahead"];

/** Kernels for depthwise convolutions on GPUs on which an invocation has 128 registers, and 64. */
const FEW_REGISTERS: Devices = {
  "few registers": { features: [], vendor: "apple", tuned: () => "strips" },
  "fewer registers": { features: [], vendor: "arm", tuned: () => "strips" },
};

/** Kernels whose panels hold f16, by every way in which a workgroup shares. */
const HALF_PANELS = ["8x8_workgroup_16x8", "4x8_workgroup_16x8", "4x4_workgroup_8x8"].map((kernel) => {
  const variant = `${kernel}_half_panel`;
  return [variant, { features: ["shader-f16"], activations: "f16", tuned: () => variant }] as const;
});

export const conv2d = declare({
  op: conv2dOp,
  reference: ({ x, weight, bias }, attrs) => ({
    y: fusedActivation(
      conv2dReference(x!, weight!, bias, attrs),
      attrs.activation?.name,
      attrs.activation?.alpha,
    ),
  }),
  devices: WITH_AND_WITHOUT_SUBGROUPS,
  cases: [
    given([2, 7, 5, 3], [3, 3, 3, 5]),
    given([1, 6, 6, 4], [3, 3, 4, 8], { padding: ONE }, true),
    given([1, 1, 1, 1], [1, 1, 1, 1], {}, true),
    // Stride and dilation, alone and together, with gcd 1 and 2; extents that they do not divide.
    given([2, 7, 7, 5], [3, 3, 5, 6], { stride: [2, 2], padding: ONE }),
    given([1, 8, 11, 4], [3, 3, 4, 7], { stride: [3, 2], padding: ONE }, true),
    given([2, 9, 8, 3], [3, 3, 3, 4], { dilation: [2, 2], padding: [2, 2, 2, 2] }),
    given([1, 11, 10, 6], [3, 2, 6, 5], { stride: [2, 2], dilation: [2, 3], padding: [3, 1, 0, 2] }),
    given([1, 13, 12, 2], [3, 3, 2, 3], { stride: [4, 3], dilation: [2, 3], padding: [1, 0, 5, 6] }),
    // 1×1, also with strides that give some input pixels no gradient.
    given([3, 5, 5, 7], [1, 1, 7, 9], {}, true),
    given([2, 6, 7, 4], [1, 1, 4, 8], { stride: [2, 2] }),
    given([1, 7, 8, 5], [1, 2, 5, 3], { stride: [3, 3], padding: [0, 2, 1, 0] }),
    // Long, wide and large windows; one as large as the padded input.
    given([1, 4, 13, 3], [1, 7, 3, 6], { padding: [0, 0, 3, 3] }, true),
    given([1, 13, 4, 3], [7, 1, 3, 6], { padding: [3, 3, 0, 0] }),
    given([1, 17, 17, 3], [7, 7, 3, 10], { stride: [2, 2], padding: [3, 3, 3, 3] }),
    given([2, 3, 3, 4], [5, 4, 4, 4], { padding: [1, 1, 0, 1] }),
    // More padding than window: some outputs see only zeros.
    given([1, 3, 3, 2], [2, 2, 2, 3], { padding: [4, 1, 0, 3] }, true),
    // Maps so small that some taps see only padding, at the window's begin, at its end, or all; and most pixels, no output.
    given([3, 1, 1, 9], [3, 3, 9, 21], { padding: ONE }, true),
    given([3, 2, 2, 9], [3, 3, 9, 5], { stride: [2, 2], padding: ONE }),
    given([2, 2, 3, 5], [5, 4, 5, 6], { padding: [3, 1, 2, 2] }),
    given([2, 3, 2, 3], [5, 7, 3, 4], { stride: [2, 3], dilation: [2, 1], padding: [6, 5, 4, 3] }, true),
    given([1, 2, 2, 4], [2, 2, 4, 4], { stride: [3, 3], dilation: [3, 3], padding: [2, 0, 4, 0] }),
    given([1, 9, 7, 3], [1, 1, 3, 4], { stride: [9, 5] }),
    // Large enough for the large tile in all three passes.
    given([4, 28, 28, 20], [1, 3, 20, 21], { padding: [0, 0, 1, 1] }, true),
    given([4, 14, 14, 3], [3, 3, 3, 24], { padding: ONE }),
    // Long depths, with rows, columns and channels over, in each pass; strides with phases of unequal size.
    given([3, 17, 17, 67], [1, 1, 67, 37], {}, true),
    given([6, 15, 23, 13], [2, 1, 13, 69], { stride: [2, 2], padding: ONE }),
    given([3, 23, 19, 29], [3, 3, 29, 21], { stride: [2, 1], dilation: [1, 2], padding: ONE }),
    // Groups of two, of odd sizes, depthwise, depthwise with a multiplier.
    given([2, 6, 5, 8], [3, 3, 4, 12], { groups: 2, padding: ONE }, true),
    given([1, 7, 7, 9], [3, 3, 3, 6], { groups: 3, stride: [2, 2], padding: ONE }),
    given([2, 7, 6, 7], [3, 3, 1, 7], { groups: 7, padding: ONE }, true),
    given([1, 8, 8, 5], [3, 2, 1, 10], {
      groups: 5,
      dilation: [2, 1],
      stride: [1, 3],
      padding: [2, 1, 0, 1],
    }),
    ...(["relu", "leaky_relu", "tanh", "sigmoid"] as const).map((name) =>
      given([2, 5, 6, 3], [3, 3, 3, 5], { padding: ONE, activation: { name, alpha: 0.1 } }, true),
    ),
    given([1, 5, 5, 6], [3, 3, 2, 9], { groups: 3, activation: { name: "sigmoid" } }, true),
    // Every kernel of each pass, whatever the device would choose: with rows and columns over in every block, a depth
    // that ends within a slab of workgroup memory, taps that a slab spans, and phases of unequal size.
    {
      ...given([1, 9, 17, 13], [2, 3, 13, 37], { stride: [2, 2], padding: ONE }),
      ...{ devices: {}, variants: (name) => !isSplit(name) && !isAhead(name) },
    },
    // The next panel loaded ahead: a part of one at the end of each depth.
    {
      ...given([2, 5, 6, 17], [2, 3, 17, 21], { stride: [2, 1], padding: ONE }),
      ...{ devices: {}, variants: (name) => AHEAD.includes(name) },
    },
    // Operands that are rounded to f16: weights alone in y, and in its gradients, which may be twice as far off, dy besides.
    // The variant may be off by √products times as much, if all products have one sign; here they have any.
    {
      ...given([2, 5, 6, 17], [2, 3, 17, 21], { padding: ONE }),
      devices: Object.fromEntries(HALF_PANELS),
      values: { x: (random) => Math.round(2048 * random.uniform() - 1024) / 1024 },
      tolerance: 2 ** -11,
    },
    // By matrix units: several groups with rows and columns over, splits, and a depth that ends within a panel.
    {
      ...given([3, 11, 9, 13], [2, 1, 13, 69], { stride: [2, 2], padding: ONE, activation: RELU }, true),
      devices: { "matrix units, emulated": EMULATED_UNITS },
    },
    // Kernels for few input channels.
    {
      ...given([2, 9, 8, 3], [3, 2, 3, 37], { stride: [2, 1], padding: ONE }),
      ...{ devices: {}, variants: (name) => name.startsWith("narrow") && !isSplit(name) && !isAhead(name) },
      grads: ["weight"],
    },
    // Depthwise, with every kernel, division and number of splits: both windows and strides; more padding than the window
    // reaches, before and after; rows and columns over; maps of one pixel; strips of four lines, two and one.
    ...[
      given([4, 16, 5, 64], [3, 3, 1, 64], { groups: 64, padding: ONE }),
      given([2, 13, 10, 5], [3, 3, 1, 5], { groups: 5, stride: [2, 2], padding: [0, 3, 4, 1] }, true),
      given([1, 11, 9, 3], [5, 5, 1, 3], { groups: 3, padding: [6, 1, 2, 5], activation: RELU }, true),
      given([2, 12, 15, 6], [5, 5, 1, 6], { groups: 6, stride: [2, 2], padding: [1, 2, 3, 2] }),
      given([3, 1, 1, 9], [3, 3, 1, 9], { groups: 9, stride: [2, 2], padding: ONE }),
      given([1, 16, 7, 5], [5, 5, 1, 5], { groups: 5, stride: [2, 2], padding: [2, 2, 2, 2] }),
      given([2, 5, 6, 4], [5, 5, 1, 4], { groups: 4, padding: [2, 2, 2, 2] }),
    ].flatMap((some) => [
      { ...some, devices: {}, variants: () => true },
      { ...some, devices: FEW_REGISTERS },
    ]),
    ...[
      given([2, 7, 6, 5], [3, 3, 5, 6], { padding: ONE, activation: RELU }, true),
      given([2, 7, 6, 3], [3, 3, 3, 6], { stride: [2, 2], padding: ONE }, true),
      given([2, 5, 4, 6], [3, 3, 2, 6], { groups: 3, padding: ONE, activation: RELU }, true),
      given([2, 5, 6, 6], [3, 3, 1, 6], { groups: 6, padding: ONE, activation: RELU }, true),
      given([2, 7, 6, 6], [3, 3, 1, 6], { groups: 6, stride: [2, 2], padding: ONE }, true),
    ].map((some) => ({
      ...some,
      ...{ devices: { "": CPU, "by workgroups": { features: [] } }, half: true as const },
    })),
    ...winogradCases,
  ],
  // Products per result: the window forward, all pixels in the weights' gradient.
  tolerance: ({ inputs }) => {
    const [, H, W] = inputs.x as Shape;
    const [R, S, C] = inputs.weight as Shape;
    return 1e-6 * Math.sqrt(Math.max(R! * S! * C!, H! * W!) + 16);
  },
  half: { activations: ["x"] },
  passes: PASSES,
  work: products,
  timed: withoutEpilogue,
  text({ inputs: { x, weight }, attrs: { stride, dilation, groups } }) {
    const [R, S, , K] = weight.shape;
    const isDepthwise = groups > 1 && groups === x.shape[3] && groups === K;
    const more = [
      stride[0] > 1 ? `, stride ${stride[0]}` : "",
      dilation[0] > 1 ? `, dilation ${dilation[0]}` : "",
      isDepthwise ? ", depthwise" : groups > 1 ? `, ${groups} groups` : "",
    ];
    return `${x.shape.join("×")} → ${K}, ${R}×${S}${more.join("")}`;
  },
});
