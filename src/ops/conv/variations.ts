/**
 * What measuring may prefer to a kernel of register tiles as it is, and no heuristic chooses. What compilers make of them
 * without a GPU is in the lab's figures (`npm run gpu:lab`); whether they are faster, only a GPU can tell.
 */
import type { Capabilities } from "../../kernel/capabilities.ts";
import { derive, replaceOnce } from "../../kernel/derive.ts";
import { withHalfPanel } from "../../kernel/half.ts";
import { withSubgroupSize } from "../../kernel/subgroup-size.ts";
import { MATRIX_VARIATIONS } from "./matrix-variations.ts";
import type { TileKernel } from "./register-tiles.ts";

export interface Variation {
  /** What it is called, after its kernel. */
  readonly name: string;
  /** Times as many splits of the depth as the heuristic wants. Default 1. */
  readonly splits?: number;
  /** As `VariantInfo.error`. Default 1. */
  readonly error?: number;
  /** The kernels that have it. Default all. */
  of?(kernel: TileKernel): boolean;
  /** The devices that it may be better on. Default all. */
  on?(device: Capabilities): boolean;
  /** Changes the kernel for a device that it is on. Default it stays what it is. */
  derived?<K extends TileKernel>(kernel: K): K;
  /** The same by what a device has. */
  derivedOn?<K extends TileKernel>(kernel: K, device: Capabilities): K;
  /** Whether it may be the best where its kernel is not. Default it may not. */
  readonly apart?: boolean;
}

/** Sums of a tile that take so many registers that few invocations are left to hide each other's loads. */
const LARGE = 32;

const shares = ({ slots: { share } }: TileKernel): boolean => share === "workgroup";
const sharesLarge = (kernel: TileKernel): boolean =>
  shares(kernel) && kernel.numbers.TILE_ROWS * kernel.numbers.TILE_COLUMNS >= LARGE;

/** `kernel` loading what it needs of the next panel before it sums up the present one: the same results to the bit. */
const withPanelAhead = <K extends TileKernel>(kernel: K): K =>
  derive(kernel, "ahead", () => ({
    wgsl: replaceOnce(kernel, kernel.wgsl, "const AHEAD = false;", "const AHEAD = true;"),
  }));

export const VARIATIONS: readonly Variation[] = [
  { name: "more_splits", splits: 4 },
  { name: "fewer_splits", splits: 1 / 4 },
  {
    name: "ahead",
    of: sharesLarge,
    // Intel's compiler spills 35 registers and more for it.
    on: ({ vendor }) => vendor !== "intel",
    derived: withPanelAhead,
  },
  {
    // Activations are f16 already, so only weights are rounded, each by 2^-11 at most: so much of Σ |products|, which is at
    // most √products times the root of the sum of their squares. Smaller ones than 2^-14 lose 2^-25, and those of 65,520
    // and more overflow.
    name: "half_panel",
    error: 2 ** -11 / 1e-6,
    // Where the panel also holds sums of the batch norm's, they need f32.
    of: (kernel) => shares(kernel) && !kernel.sources.some(([file]) => file === "lib/norm/by_columns.wgsl"),
    // Intel's and NVIDIA's compilers convert each operand by an instruction: on sm_86 64 of 100 are multiply-adds instead
    // of 78. Those of AMD and Apple take f16 as it is.
    on: ({ activations, vendor }) => activations === "f16" && vendor !== "intel" && vendor !== "nvidia",
    derived: withHalfPanel,
  },
  {
    // RDNA 3 and later do two multiply-adds at once. In subgroups of 32 the compiler finds the pairs, in those of 64, which
    // drivers choose, the hardware has to. For small tiles workgroup memory is too slow to feed two.
    name: "subgroups_32",
    of: sharesLarge,
    on: ({ vendor, architecture = "", subgroupMinSize = 0, subgroupMaxSize = 0 }) =>
      vendor === "amd" && /^rdna-[3-9]/.test(architecture) && subgroupMinSize <= 32 && subgroupMaxSize > 32,
    derived: (kernel) => withSubgroupSize(kernel, 32),
  },
  ...MATRIX_VARIATIONS,
];

/** Those that a kernel has. */
export const variationsOf = (kernel: TileKernel): readonly Variation[] =>
  VARIATIONS.filter(({ of }) => of?.(kernel) ?? true);
