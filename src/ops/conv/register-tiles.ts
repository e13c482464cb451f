/**
 * Kernels that compute the same matrix product by register tiles of different sizes, as variants of a pass, and
 * the choice among them where nothing was measured.
 */

import type { Geometry } from "../../base/window.ts";
import type { Emitter } from "../../graph/op.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import type { Kernel, KernelVariant } from "../../kernel/kernel.ts";
import { withSubgroupSize } from "../../kernel/subgroup-size.ts";
import type { Tunable, Variant } from "../tunable.ts";
import { costOf, enoughOn } from "./tile-cost.ts";
import { variationsOf } from "./variations.ts";

/** `slices` products of `rows` × `columns`, whose depth may be split into at most `maxSplits`. */
export interface Product {
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
  /** Products that are summed up for one number. */
  readonly depth: number;
  /** Whether the depth is long enough, for each time it is gone through, for an inner loop of its own. */
  readonly deep: boolean;
  readonly maxSplits: number;
  /** Large tiles that are worth compiling a kernel for, on a CPU-class adapter. Default `ENOUGH_LARGE_TILES`. */
  readonly enoughLarge?: number;
}

/** One kernel with what it takes to launch it. */
export interface TileLaunch<K extends Kernel> {
  readonly kernel: K;
  readonly splits: number;
  readonly workgroups: readonly [number, number, number];
}

/** A kernel of register tiles: what the link line of its file says of it. */
export interface TileKernel extends KernelVariant {
  readonly slots: {
    readonly tile: string;
    /** Who shares operands: nobody, four invocations (through a subgroup), or a workgroup (through its memory). */
    readonly share: "none" | "quad" | "workgroup";
    /** `nested` is for long depths only. */
    readonly walk?: "flat" | "nested";
  };
  readonly numbers: {
    readonly TILE_ROWS: number;
    readonly TILE_COLUMNS: number;
    /** Row tiles and column tiles that work together, so that they are counted in so many. */
    readonly GROUP_ROWS?: number;
    readonly GROUP_COLUMNS?: number;
  };
}

/** Invocations that are worth another pass: what even a small GPU needs to hide its latency. */
export const ENOUGH = 1024;
/** The same for tiles on a CPU-class adapter: a workgroup for each of a few threads, then larger tiles are worth more. */
const ENOUGH_TILES_FOR_CPU = 128;
/** Numbers of a large tile, and how many there must be for the few percent that sharing saves to be worth compiling it. */
const LARGE_TILE = 128;
const ENOUGH_LARGE_TILES = 4096;
/** vec4s of depth under a tap of a filter that are worth an inner loop over them. */
export const DEEP = 16;

/**
 * The kernels of a pass, best first, as variants of it, each also in its variations (`variations.ts`), and the
 * heuristic for them. `product` is what they compute; `prefix` tells their names from those of the pass's others.
 */
export function tileVariants<K extends TileKernel, Args extends readonly unknown[]>(
  kernels: readonly K[],
  product: (geometry: Geometry, device: Capabilities) => Product,
  emitTiles: (emit: Emitter, geometry: Geometry, launch: TileLaunch<K>, ...args: Args) => void,
  prefix = "",
): TileVariants<Args> {
  const variants = kernels.flatMap((kernel) =>
    [undefined, ...variationsOf(kernel)].map((variation): TileVariant<Args> => {
      const { splits: times = 1, error = 1 } = variation ?? {};
      const derived = (device: Capabilities): K =>
        variation?.derivedOn?.(kernel, device) ?? variation?.derived?.(kernel) ?? kernel;
      const splitsFor = (geometry: Geometry, device: Capabilities) =>
        cover(kernel, product(geometry, device), device);
      const splits = (geometry: Geometry, device: Capabilities): number => {
        const covered = splitsFor(geometry, device);
        return times === 1 ? covered.splits : covered.split(times);
      };
      const name = prefix + kernel.variant;
      const { TILE_ROWS, GROUP_ROWS = 1 } = kernel.numbers;
      return {
        name: variation ? `${name}_${variation.name}` : name,
        ...(variation && !variation.apart && { varies: name }),
        error,
        rows: TILE_ROWS * GROUP_ROWS,
        fits(geometry, device) {
          const { splits, split } = splitsFor(geometry, device);
          // It would be right, but so slow on an emulated GPU that not even measuring it is worth the time.
          const hopeless = kernel.slots.share === "workgroup" && device.software === true;
          if (hopeless || variation?.on?.(device) === false) return false;
          const known = derived(device).features.every((feature) => device.features.includes(feature));
          const differs = times > 1 ? split(times) > splits : split(times) < splits;
          return known && (times === 1 || differs);
        },
        splits,
        emit(emit, geometry, ...args) {
          const { tiles } = splitsFor(geometry, emit.device);
          const launch = {
            kernel: withSubgroupSize(derived(emit.device), emit.device.subgroupSize),
            splits: splits(geometry, emit.device),
          };
          emitTiles(emit, geometry, { ...launch, workgroups: grid(tiles * launch.splits, kernel) }, ...args);
        },
      };
    }),
  );
  return {
    variants,
    guess(geometry, device) {
      const wanted = product(geometry, device);
      const { variant } = (isCpu(device) ? chooseForCpu : cheapest)(kernels, wanted, device);
      return variants.find(({ name }) => name === prefix + variant)!;
    },
    cost(geometry, device) {
      const wanted = product(geometry, device);
      return cover(cheapest(kernels, wanted, device), wanted, device).cost;
    },
  };
}

/** What a convolution would cost on a GPU; see `costOf`. */
export type Cost = (geometry: Geometry, device: Capabilities) => number;

interface TileVariant<Args extends readonly unknown[]> extends Variant<Geometry, Args> {
  /** Rows that those who share store together. */
  readonly rows: number;
  /** Into how many parts it divides the depth. */
  splits(geometry: Geometry, device: Capabilities): number;
}

/** Variants of a pass by tiles, and the cost of the best of them. */
interface TileVariants<Args extends readonly unknown[]> extends Pick<Tunable<Geometry, Args>, "guess"> {
  readonly variants: readonly TileVariant<Args>[];
  readonly cost: Cost;
}

/** How a tile covers a product: invocations of one split, the best number of splits, and `times` as many. */
function cover(
  kernel: TileKernel,
  product: Product,
  device: Capabilities,
): { readonly tiles: number; readonly splits: number; readonly cost: number; split(times: number): number } {
  const { TILE_ROWS, TILE_COLUMNS, GROUP_ROWS = 1, GROUP_COLUMNS = 1 } = kernel.numbers;
  const count = (extent: number, tile: number, together: number): number =>
    Math.ceil(extent / (tile * together)) * together;
  const rows = count(product.rows, TILE_ROWS, GROUP_ROWS);
  const tiles = product.slices * rows * count(product.columns, TILE_COLUMNS, GROUP_COLUMNS);
  const enough = isCpu(device) ? ENOUGH_TILES_FOR_CPU : enoughOn(device);
  const split = (times: number): number =>
    Math.max(1, Math.min(product.maxSplits, Math.ceil((times * enough) / tiles)));
  const cost = (splits: number): number => costOf(kernel, product, tiles, splits, device);
  const splits = isCpu(device) || cost(split(1)) < cost(1) ? split(1) : 1;
  return { tiles, splits, cost: cost(splits), split };
}

/** The kernel that would take a GPU the shortest time. Quads are for subgroups as small as a CPU's. */
function cheapest<K extends TileKernel>(kernels: readonly K[], product: Product, device: Capabilities): K {
  const choices = kernels.filter(({ slots: { share } }) => share !== "quad");
  const costs = choices.map((kernel) => cover(kernel, product, device).cost);
  return choices[costs.indexOf(Math.min(...costs))]!;
}

/**
 * The first tile that has enough invocations and is not mostly padding, or else the one that has the most.
 *
 * On a CPU-class adapter workgroup memory is as slow as any and barriers are dear, so each invocation, or a quad of a
 * tiny subgroup, loads for itself.
 */
function chooseForCpu<K extends TileKernel>(
  kernels: readonly K[],
  product: Product,
  device: Capabilities,
): K {
  const sharing = device.features.includes("subgroups") ? "quad" : "none";
  const choices = kernels
    .filter(({ slots: { share } }) => share === sharing || share === "none")
    .filter(({ slots: { walk } }) => product.deep || walk !== "nested")
    .map((kernel) => {
      const { tiles, splits } = cover(kernel, product, device);
      const size = kernel.numbers.TILE_ROWS * kernel.numbers.TILE_COLUMNS;
      return { kernel, size, invocations: tiles * splits, covered: tiles * size };
    })
    .filter(({ kernel: { slots }, size, invocations }) => {
      // Where nothing can be shared loads bind, of which large tiles have the fewest; elsewhere such tiles lose.
      if (size < LARGE_TILE || sharing === "none") return true;
      // SwiftShader compiles a kernel of large tiles for 0.2 s, and that of the next smaller ones is mostly there.
      return slots.share === sharing && invocations >= (product.enoughLarge ?? ENOUGH_LARGE_TILES);
    });
  const least = Math.min(...choices.map(({ covered }) => covered));
  const tight = choices.filter(({ covered }) => covered <= 1.5 * least);
  const most = Math.max(...tight.map(({ invocations }) => invocations));
  return tight.find(({ invocations }) => invocations >= Math.min(ENOUGH_TILES_FOR_CPU, most))!.kernel;
}
