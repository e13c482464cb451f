/** What a launch has to do: the arithmetic of convolutions and matrix products, and the memory that it binds. */
import type { Dispatch } from "../../../src/graph/op.ts";
import { bytesOf, pad4, storedLength } from "../../../src/graph/tensor.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import type { TileKernel } from "../../../src/ops/conv/register-tiles.ts";

export interface Work {
  /** Of the product as it is defined, a multiply-add as two. 0 where bytes bind in any case. */
  readonly flops: number;
  /** With what tiles compute past the edges. */
  readonly issued: number;
  /** Of all tensors that it reads and writes, each once. */
  readonly bytes: number;
  readonly workgroups: number;
}

type Numbers = Readonly<Record<string, number>>;

/** By family: multiply-adds that are wanted, and the depth of the sum of one invocation. */
const PRODUCTS: Readonly<Record<string, { wanted(c: Numbers): number; depth(c: Numbers): number }>> = {
  conv2d_forward: {
    wanted: convolution,
    depth: ({ R, S, C, SPLITS }) => (R! * S! * pad4(C!)) / SPLITS!,
  },
  conv2d_grad_input: {
    wanted: convolution,
    depth: ({ R, S, K, STRIDE_H, STRIDE_W, SPLITS = 1 }) =>
      (R! * S! * pad4(K!)) / (STRIDE_H! * STRIDE_W! * SPLITS),
  },
  conv2d_grad_weight: { wanted: convolution, depth: pixels },
  conv2d_grad_weight_narrow: { wanted: convolution, depth: pixels },
  winograd_product: { wanted: ({ T, ROWS, C, K }) => T! * ROWS! * C! * K!, depth: ({ C }) => pad4(C!) },
  winograd_grad_product: {
    wanted: ({ T, TILES, C, K }) => T! * TILES! * C! * K!,
    depth: ({ TILES, SPLITS = 1 }) => TILES! / SPLITS,
  },
};

/** Depthwise convolutions, of which an invocation has the sums of a column of its strip's lines: by kernel, the depth of each. */
const STRIPS: Readonly<Record<string, (c: Numbers) => number>> = {
  // At either end of its columns some are met by a part of the window.
  conv2d_depthwise_forward: ({ COLUMNS, WINDOW, STRIDE }) =>
    WINDOW! ** 2 * (COLUMNS! + (WINDOW! - 1) / STRIDE!),
  // Two columns at a time, of which each number has a quarter of the taps.
  conv2d_depthwise_grad_input: ({ COLUMNS, WINDOW }) => (WINDOW! ** 2 / 2) * (COLUMNS! + (WINDOW! - 1) / 2),
  conv2d_depthwise_grad_weight: (c) => c.WINDOW! ** 2 * columnsOf(c),
  conv2d_depthwise_grad_weight_column: (c) => c.WINDOW! * columnsOf(c),
};

/** Columns of dy that an invocation goes along for a gradient of weights. */
function columnsOf({ N, P, Q, LINES, COLUMNS, SPLITS }: Numbers): number {
  return (N! * Math.ceil(P! / LINES!) * Math.ceil(Q! / COLUMNS!) * COLUMNS!) / SPLITS!;
}

function convolution({ N, P, Q, C, K, R, S }: Numbers): number {
  return N! * P! * Q! * C! * K! * R! * S!;
}

function pixels({ N, P, Q, SPLITS }: Numbers): number {
  return (N! * P! * Q!) / SPLITS!;
}

/** Bindings of which a kernel reads one line. */
const LINES: Readonly<Record<string, string>> = {
  batch_norm_statistics_merge: "x",
  batch_norm_statistics_merge_single: "x",
};

export const isTiled = (kernel: Kernel): kernel is TileKernel =>
  "numbers" in kernel && "TILE_ROWS" in (kernel as TileKernel).numbers;

/** Whether a kernel is for depthwise convolutions. */
export const isStrip = (kernel: Kernel): boolean => withoutSize(kernel) in STRIPS;

/** Whether a kernel is one for any grouping, of one output a lane. */
export const isGrouped = ({ name }: Kernel): boolean => /^conv2d_grouped_/.test(name);

/** The name of a kernel in subgroups of any size. */
export const withoutSize = ({ name }: Kernel): string => name.replace(/_subgroups_\d+$/, "");

/** `conv2d_grad_weight_narrow` of all its variants, also of those that do a part of a batch norm's work besides. */
function familyOf({ name, variant }: TileKernel): string {
  const plain = name.replace(/_(?:after|between|sums)(?=_)/, "");
  return plain.slice(0, plain.indexOf(`_${variant}`));
}

/** Throws an Error for a kernel of register tiles whose product it does not know. */
export function workOf({ kernel, bindings, constants, workgroups }: Dispatch): Work {
  const groups = workgroups[0] * workgroups[1] * workgroups[2];
  const rest = { bytes: boundBytes({ kernel, bindings, constants }), workgroups: groups };
  const invocations = groups * kernel.workgroupSize[0];
  if (isGrouped(kernel)) {
    const flops = (2 * convolution(constants)) / constants.GROUPS!;
    return { flops, issued: flops, ...rest };
  }
  if (isStrip(kernel)) {
    const { N, P, Q, C, WINDOW, LINES } = constants;
    const issued = 2 * invocations * 4 * LINES! * STRIPS[withoutSize(kernel)]!(constants);
    return { flops: 2 * N! * P! * Q! * C! * WINDOW! ** 2, issued, ...rest };
  }
  if (!isTiled(kernel)) return { flops: 0, issued: 0, ...rest };
  const product = PRODUCTS[familyOf(kernel)];
  if (!product) throw new Error(`workOf: add the product of ${kernel.name} to PRODUCTS`);
  const { TILE_ROWS, TILE_COLUMNS } = kernel.numbers;
  const issued = 2 * invocations * TILE_ROWS * TILE_COLUMNS * product.depth(constants);
  return { flops: 2 * product.wanted(constants), issued, ...rest };
}

/** What stands in for a tensor that a kernel does not read is another one that it does, or a vector. */
function boundBytes({ kernel, bindings, constants }: Omit<Dispatch, "workgroups" | "label">): number {
  const bytes = new Map<string, number>();
  for (const { name, access } of kernel.bindings) {
    const { storage, offset, shape } = bindings[name]!;
    const wanted = LINES[kernel.name] === name ? shape.slice(-1) : shape;
    const times = access === "read_write" && constants.ACCUMULATE ? 2 : 1;
    bytes.set(
      `${storage.id} ${offset}`,
      times * bytesOf({ length: storedLength(wanted, storage.dtype), dtype: storage.dtype }),
    );
  }
  return [...bytes.values()].reduce((a, b) => a + b, 0);
}
