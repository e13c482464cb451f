/**
 * Kernels that compute the same matrix product by register tiles of different sizes, as variants of a pass, and
 * the choice among them where nothing was measured.
 */
import type { Emitter } from "../graph/op.ts";
import { type Capabilities, grid, type Kernel } from "../kernel.ts";
import type { Geometry } from "../shape.ts";
import type { Variant, Variants } from "./variants.ts";

/** `slices` products of `rows` × `columns`, whose depth of so many vec4s may be split into at most `maxSplits`. */
export interface Product {
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
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
  /** Whether four invocations share their columns, so that row tiles come in fours. */
  readonly quad: boolean;
  /** Whether it is for long depths only. */
  readonly deep: boolean;
}

/** Invocations that are worth a smaller tile or a longer split: what a GPU needs to hide its latency. */
export const ENOUGH = 1024;
/** The same for a CPU-class adapter: a workgroup for each of a few threads, then larger tiles are worth more. */
const ENOUGH_FOR_CPU = 256;
/** vec4s of depth for which a kernel has its inner loop over them. */
const DEEP = 16;
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
): Pick<Variants<Args>, "all" | "guess"> {
  const tiles = kernels.map((kernel) => ({ kernel, ...tileOf(kernel) }));
  const all = tiles.flatMap(({ kernel, ...tile }) =>
    Object.entries(SPLITS).map(([suffix, times]): Variant<Args> => {
      const splitsFor = (geometry: Geometry, device: Capabilities) => cover(tile, product(geometry), device);
      return {
        name: suffix ? `${tile.name}_${suffix}` : tile.name,
        error: 1,
        fits(geometry, device) {
          const { splits, split } = splitsFor(geometry, device);
          const known = kernel.features.every((feature) => device.features.includes(feature));
          return known && (times === 1 || split(times) !== splits);
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
    all,
    guess(geometry, device) {
      const { name } = chooseTile(tiles, product(geometry), device);
      return all.find((variant) => variant.name === name)!;
    },
  };
}

/** `conv2d_forward_tile_8x16_quad_deep` is tile_8x16_quad_deep, of 8 rows × 16 columns. */
function tileOf({ name }: Kernel): Tile {
  const [tile, rows, columns, sharing, walk] = /tile_(\d+)x(\d+)_([a-z]+)_?(\w*)$/.exec(name)!;
  return { name: tile, rows: +rows!, columns: +columns!, quad: sharing === "quad", deep: walk === "deep" };
}

/** How a tile covers a product: invocations of one split, splits, and `times` as many splits. */
function cover(
  { rows, columns, quad }: Tile,
  product: Product,
  device: Capabilities,
): { readonly tiles: number; readonly splits: number; split(times: number): number } {
  const rowTiles = Math.ceil(product.rows / rows / (quad ? 4 : 1)) * (quad ? 4 : 1);
  const tiles = product.slices * rowTiles * Math.ceil(product.columns / columns);
  const split = (times: number): number =>
    Math.max(1, Math.min(product.maxSplits, Math.ceil((times * enoughFor(device)) / tiles)));
  return { tiles, splits: split(1), split };
}

/** The first tile that has enough invocations and is not mostly padding, or else the last. */
function chooseTile(tiles: readonly Tile[], product: Product, device: Capabilities): Tile {
  const quads = prefersQuads(device);
  const choices = tiles
    .filter(({ quad, deep }) => (quads || !quad) && (product.depth >= DEEP || !deep))
    .map((tile) => {
      const { tiles, splits } = cover(tile, product, device);
      return { tile, invocations: tiles * splits, covered: tiles * tile.rows * tile.columns };
    });
  const least = Math.min(...choices.map(({ covered }) => covered));
  const good = choices.find(
    ({ invocations, covered }) => invocations >= enoughFor(device) && covered <= 1.5 * least,
  );
  return (good ?? choices.at(-1)!).tile;
}

const enoughFor = (device: Capabilities): number => (prefersQuads(device) ? ENOUGH_FOR_CPU : ENOUGH);

/**
 * Whether to take the kernels in which four invocations share what they load. They are right wherever there are
 * subgroups, but proven to be faster only where those are tiny: on CPU-class adapters, which load each value of
 * each invocation on its own. A GPU's cache serves a whole subgroup at once; it keeps the plain kernels until
 * they are measured there.
 */
function prefersQuads({ features, subgroupMaxSize }: Capabilities): boolean {
  return features.includes("subgroups") && subgroupMaxSize !== undefined && subgroupMaxSize <= 8;
}
