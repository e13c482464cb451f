/** Cases of convolutions with Winograd's algorithm. */
import type { Capabilities } from "../../../src/kernel/capabilities.ts";
import type { Conv2dAttrs } from "../../../src/ops/conv/conv2d.ts";
import { CPU, type Devices, type OpCase, SMALL_SUBGROUPS } from "../../support/op/declaration.ts";

/** Each with its allowed rounding error, as a multiple of that of a plain sum. */
export const VARIANTS = [
  ["winograd_2x2", 1],
  ["winograd_4x4", 3],
] as const;

// Devices that choose the kernels of the products: each invocation alone, through workgroup memory, by quads.
const ALONE: Devices = { alone: CPU };
const BY_WORKGROUPS: Devices = { "by workgroups": { features: [] } };
const ON_APPLE: Devices = { "by workgroups of smaller tiles": { features: [], vendor: "apple" } };
const BY_QUADS: Devices = { "by quads": SMALL_SUBGROUPS };
const ALL: Devices = { ...ALONE, ...BY_WORKGROUPS, ...BY_QUADS };

const PLAIN: Conv2dAttrs = { stride: [1, 1], dilation: [1, 1], padding: [0, 0, 0, 0], groups: 1 };
const SAME = [1, 1, 1, 1] as const;

type Variant = (typeof VARIANTS)[number];

function given(
  [variant, error]: Variant,
  x: readonly [N: number, H: number, W: number, C: number],
  K: number,
  attrs: Partial<Conv2dAttrs>,
  biased = false,
  devices = ALONE,
): OpCase<Conv2dAttrs> {
  const [, H, W, C] = x;
  const options = Object.entries(attrs).map(([name, value]) => ` ${name} ${JSON.stringify(value)}`);
  return {
    name: `(${x.join(", ")}) → ${K}${biased ? " with bias" : ""}${options.join("")}`,
    inputs: { x, weight: [3, 3, C, K], ...(biased && { bias: [K] }) },
    attrs: { ...PLAIN, ...attrs },
    devices: Object.fromEntries(
      Object.entries(devices).map(([name, device]): [string, Capabilities] => [
        `${variant}, ${name}`,
        { ...device, tuned: () => variant },
      ]),
    ),
    // Products of the window in y, of as many output channels in dx, of all pixels in the weights' gradient.
    tolerance: error * 1e-6 * Math.sqrt(Math.max(9 * C, 9 * K, H * W) + 16),
  };
}

const RELU = { name: "relu" } as const;
const [BY_TWOS, BY_FOURS] = VARIANTS;

export const winogradCases: readonly OpCase<Conv2dAttrs>[] = [
  ...VARIANTS.flatMap((variant) => [
    // Maps that tiles do not fill, channels that are not whole vec4s, any padding.
    given(variant, [2, 7, 5, 3], 5, {}),
    given(variant, [1, 3, 3, 1], 1, {}),
    given(variant, [1, 7, 7, 6], 8, { padding: SAME }, true),
    given(variant, [2, 13, 5, 4], 7, { padding: [2, 2, 2, 2] }),
    given(variant, [1, 4, 9, 5], 3, { padding: [0, 2, 1, 0], activation: { name: "sigmoid" } }, true),
    { ...given(variant, [2, 7, 6, 5], 6, { padding: SAME, activation: RELU }, true), half: true as const },
    // More padding than window: some outputs see only zeros, and the gradient's padding is negative.
    given(variant, [1, 3, 3, 2], 3, { padding: [4, 1, 0, 3] }, true),
    // Rows, columns and a long depth, none a multiple of a tile, for each kernel of the products.
    given(variant, [2, 9, 11, 69], 35, { padding: SAME, activation: RELU }, true, ALL),
  ]),
  // Extents by which the other kernels of the products are chosen: those of y by pixels and channels,
  ...[
    given(BY_TWOS, [1, 13, 13, 5], 29, { padding: SAME }, false, BY_WORKGROUPS),
    given(BY_TWOS, [1, 31, 31, 5], 189, { padding: SAME }, false, ON_APPLE),
    given(BY_TWOS, [1, 47, 47, 5], 573, { padding: SAME }, false, BY_WORKGROUPS),
    given(BY_TWOS, [1, 63, 63, 5], 253, { padding: SAME }, false, BY_WORKGROUPS),
    given(BY_FOURS, [1, 13, 13, 5], 53, { padding: SAME }, false, BY_QUADS),
  ].map((some) => ({ ...some, grads: [] })),
  // and those of the weights' gradient by channels alone.
  ...[
    given(BY_FOURS, [1, 2, 2, 29], 477, { padding: SAME }, false, BY_WORKGROUPS),
    given(BY_FOURS, [1, 2, 2, 125], 125, { padding: SAME }, false, ON_APPLE),
    given(BY_FOURS, [1, 2, 2, 317], 445, { padding: SAME }, false, BY_WORKGROUPS),
    given(BY_FOURS, [1, 2, 2, 253], 445, { padding: SAME }, false, BY_WORKGROUPS),
    given(BY_FOURS, [1, 5, 6, 161], 65, { padding: SAME }, false, BY_QUADS),
    given(BY_FOURS, [1, 5, 6, 1], 61, { padding: SAME }),
    given(BY_FOURS, [1, 5, 6, 8], 37, { padding: SAME }),
  ].map((some) => ({ ...some, grads: ["weight"], devices: inGradWeightAlone(some.devices!) })),
];

/** The same with a kernel for y that compiles at once; y has cases of its own. */
function inGradWeightAlone(devices: Devices): Devices {
  return Object.fromEntries(
    Object.entries(devices).map(([name, { tuned, ...device }]) => [
      name,
      { ...device, tuned: (task) => (task.pass === "grad_weight" ? tuned!(task) : "4x4_none_flat") },
    ]),
  );
}
