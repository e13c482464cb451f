/**
 * Kernels that compute the same matrix product by register tiles of different sizes, as variants of a pass, and
 * the choice among them where nothing was measured.
 */

import type { Geometry } from "../../base/window.ts";
import type { Emitter } from "../../graph/op.ts";
import { type Capabilities, isCpu } from "../../kernel/capabilities.ts";
import { grid } from "../../kernel/grid.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Tunable, Variant } from "../tunable.ts";

/** `slices` products of `rows` × `columns`, whose depth may be split into at most `maxSplits`. */
export interface Product {
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
  /** Whether the depth is long enough, for each time it is gone through, for an inner loop of its own. */
  readonly deep: boolean;
  readonly maxSplits: number;
}

/** One kernel with what it takes to launch it. */
export interface TileLaunch<K extends Kernel> {
  readonly kernel: K;
  readonly splits: number;
  readonly workgroups: readonly [number, number, number];
}

/** What the name of a kernel says of its tile. */
interface Tile {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Who shares operands: nobody, four invocations (through a subgroup), or a workgroup (through its memory). */
  readonly sharing: "alone" | "quad" | "group";
  /** Row tiles and column tiles that work together, so that they are counted in so many. */
  readonly together: readonly [rows: number, columns: number];
  /** Whether it is for long depths only. */
  readonly deep: boolean;
}

/** Invocations that are worth another pass or a smaller tile: what even a small GPU needs to hide its latency. */
export const ENOUGH = 1024;
/** The same for tiles on a GPU of any size. */
const ENOUGH_TILES = 8192;
/** And on a CPU-class adapter: a workgroup for each of a few threads, then larger tiles are worth more. */
const ENOUGH_TILES_FOR_CPU = 256;
/** Numbers of a tile, and how many of such there must be, for the few percent that it saves to be worth compiling it. */
const LARGE_TILE = 128;
const ENOUGH_LARGE_TILES = 4096;
/** vec4s of depth under a tap of a filter that are worth an inner loop over them. */
export const DEEP = 16;
/** Times as many splits as the heuristic wants, which measuring may prefer. */
const SPLITS = { "": 1, more_splits: 4, fewer_splits: 1 / 4 } as const;

/**
 * The kernels of a pass, best first, as variants of it, each also with more and with fewer splits, and the
 * heuristic for them. `product` is what they compute.
 */
export function tileVariants<K extends Kernel, Args extends readonly unknown[]>(
  kernels: readonly K[],
  product: (geometry: Geometry) => Product,
  emitTiles: (emit: Emitter, geometry: Geometry, launch: TileLaunch<K>, ...args: Args) => void,
): Pick<Tunable<Geometry, Args>, "variants" | "guess"> {
  const tiles = kernels.map((kernel) => ({ kernel, ...tileOf(kernel) }));
  const variants = tiles.flatMap(({ kernel, ...tile }) =>
    Object.entries(SPLITS).map(([suffix, times]): Variant<Geometry, Args> => {
      const splitsFor = (geometry: Geometry, device: Capabilities) => cover(tile, product(geometry), device);
      return {
        name: suffix ? `${tile.name}_${suffix}` : tile.name,
        ...(suffix && { varies: tile.name }),
        error: 1,
        fits(geometry, device) {
          const { splits, split } = splitsFor(geometry, device);
          const known = kernel.features.every((feature) => device.features.includes(feature));
          // It would be right, but so slow on an emulated GPU that not even measuring it is worth the time.
          const hopeless = tile.sharing === "group" && device.software === true;
          return known && !hopeless && (times === 1 || split(times) !== splits);
        },
        emit(emit, geometry, ...args) {
          const { tiles, split } = splitsFor(geometry, emit.device);
          const splits = split(times);
          emitTiles(emit, geometry, { kernel, splits, workgroups: grid(tiles * splits, kernel) }, ...args);
        },
      };
    }),
  );
  return {
    variants,
    guess(geometry, device) {
      const { name } = chooseTile(tiles, product(geometry), device);
      return variants.find((variant) => variant.name === name)!;
    },
  };
}

/** `conv2d_forward_tile_8x16_quad_deep` is tile_8x16_quad_deep of the pass, of 8 rows × 16 columns. */
function tileOf({ name: kernel }: Kernel): Tile {
  const [, name, rows, columns, sharing, how] =
    /_((?:narrow_)?tile_(\d+)x(\d+)_(alone|quad|group)_(\w+))$/.exec(kernel)!;
  const [down, across] = sharing === "group" ? how!.split("x").map(Number) : [sharing === "quad" ? 4 : 1, 1];
  return {
    name: name!,
    rows: Number(rows),
    columns: Number(columns),
    sharing: sharing as Tile["sharing"],
    together: [down!, across!],
    deep: how === "deep",
  };
}

/** How a tile covers a product: invocations of one split, splits, and `times` as many splits. */
function cover(
  { rows, columns, together: [down, across] }: Tile,
  product: Product,
  device: Capabilities,
): { readonly tiles: number; readonly splits: number; split(times: number): number } {
  const count = (extent: number, tile: number, together: number): number =>
    Math.ceil(extent / (tile * together)) * together;
  const tiles = product.slices * count(product.rows, rows, down) * count(product.columns, columns, across);
  const enough = isCpu(device) ? ENOUGH_TILES_FOR_CPU : ENOUGH_TILES;
  const split = (times: number): number =>
    Math.max(1, Math.min(product.maxSplits, Math.ceil((times * enough) / tiles)));
  return { tiles, splits: split(1), split };
}

/**
 * The first tile that has enough invocations and is not mostly padding, or else the one that has the most.
 *
 * By plain reasoning, for no GPU has measured it yet: a GPU takes the kernels that share through workgroup
 * memory, each value of which then serves a whole row or column of invocations. On a CPU-class adapter that memory
 * is as slow as any and barriers are dear, so each invocation, or a quad of a tiny subgroup, loads for itself.
 */
function chooseTile(tiles: readonly Tile[], product: Product, device: Capabilities): Tile {
  const cpu = isCpu(device);
  const sharing = cpu ? (device.features.includes("subgroups") ? "quad" : "alone") : "group";
  const choices = tiles
    .filter((tile) => (tile.sharing === sharing || tile.sharing === "alone") && (product.deep || !tile.deep))
    .map((tile) => {
      const { tiles, splits } = cover(tile, product, device);
      return { tile, invocations: tiles * splits, covered: tiles * tile.rows * tile.columns };
    })
    // A CPU-class adapter compiles a kernel of large tiles for 0.2 s, and that of the next smaller ones is mostly there.
    .filter(
      ({ tile, invocations }) =>
        !cpu || tile.rows * tile.columns < LARGE_TILE || invocations >= ENOUGH_LARGE_TILES,
    );
  const least = Math.min(...choices.map(({ covered }) => covered));
  const tight = choices.filter(({ covered }) => covered <= 1.5 * least);
  const enough = cpu ? ENOUGH_TILES_FOR_CPU : ENOUGH_TILES;
  const most = Math.max(...tight.map(({ invocations }) => invocations));
  return tight.find(({ invocations }) => invocations >= Math.min(enough, most))!.tile;
}
