/**
 * How kernels for depthwise convolutions, one output channel for each input channel, are launched. An invocation goes along
 * a strip of lines, so that it loads a number once for all that it adds it to: loads and memory bind, for there are only as
 * many products of a number as the window has taps.
 */

import type { Geometry } from "../../../base/window.ts";
import type { Emitter } from "../../../graph/op.ts";
import { pad4 } from "../../../graph/tensor.ts";
import { type Capabilities, isCpu } from "../../../kernel/capabilities.ts";
import { grid } from "../../../kernel/grid.ts";
import type { Kernel } from "../../../kernel/kernel.ts";
import { conv2d_depthwise_forward } from "../../../kernel/shaders.gen.ts";
import { withSubgroupSize } from "../../../kernel/subgroup-size.ts";
import type { Variant } from "../../tunable.ts";
import { ENOUGH } from "../register-tiles.ts";
import { enoughOn, spillsOn } from "../tile-cost.ts";

export type GroupedGeometry = Geometry & { readonly GROUPS: number };

/** Columns that an invocation goes along at least, for at either end it loads some that others load too. */
const LEAST_COLUMNS = 4;

/** What the kernels are for. */
const isDepthwise = ({ GROUPS, C, K, R, S, ...moves }: GroupedGeometry): boolean =>
  GROUPS === C &&
  C === K &&
  R === S &&
  (R === 3 || R === 5) &&
  moves.STRIDE_H === moves.STRIDE_W &&
  moves.STRIDE_H <= 2 &&
  moves.DILATION_H * moves.DILATION_W === 1;

/** Whether an invocation has the registers for tiles of so many sums. */
const hasRegisters = (device: Capabilities, sums: number): boolean =>
  isCpu(device) || !spillsOn(device, sums);

/**
 * Whether the kernels are the heuristic's choice: by AMD's compiler they need 64 registers for a window of 3, and 128 for one
 * of 5, as tiles of 16 and 32 sums do.
 */
export const suitsStrips = (geometry: GroupedGeometry, device: Capabilities): boolean =>
  isDepthwise(geometry) && (geometry.R === 3 || hasRegisters(device, 32));

/**
 * Lines of a strip of outputs: four, or two, of which the window is no part of the registers. By AMD's compiler four need
 * 112 registers for a window of 3 and 216 for one of 5.
 */
export const linesOfOutputs = ({ R }: Pick<Geometry, "R">, device: Capabilities): number =>
  hasRegisters(device, R === 3 ? 32 : 64) ? 4 : 2;

/**
 * Whether an invocation keeps the sums of all taps of a window: for one of 3 by AMD's compiler in 144 to 200 registers, while
 * for one of 5 some spill even there.
 */
export const keepsTaps = ({ R }: Pick<Geometry, "R">, device: Capabilities): boolean =>
  isCpu(device) || (R === 3 && hasRegisters(device, 64));

/**
 * Lines of a strip of dy in a gradient of weights: as many as there are registers for, of those that divide the lines of dy.
 * A last strip that reached beyond dy would multiply zeros by x, and NaN would come of an infinite one.
 */
export const linesOfSums = ({ P }: Pick<Geometry, "P">, device: Capabilities): number =>
  [4, 2].find((lines) => P % lines === 0 && (lines === 2 || hasRegisters(device, 32))) ?? 1;

/** How a pass is divided. */
interface Division {
  /** Of a strip. */
  readonly LINES: number;
  /** Of a part of a strip. */
  readonly COLUMNS: number;
  readonly parts: number;
  /** Sums that the parts are added up in first. */
  readonly SPLITS: number;
}

type Extents = readonly [lines: number, columns: number];
type Lengths = "strips" | "short_strips" | "long_strips";

/** Cuts so many lines and columns of all images into parts. */
function divided(
  { N, C }: GroupedGeometry,
  [lines, columns]: Extents,
  LINES: number,
  device: Capabilities,
  lengths: Lengths,
): Division {
  const strips = N * Math.ceil(lines / LINES);
  const enough = Math.ceil((isCpu(device) ? ENOUGH : enoughOn(device)) / (pad4(C) / 4));
  const wanted = { strips: Math.ceil(enough / strips), short_strips: columns, long_strips: 1 }[lengths];
  const COLUMNS = Math.max(Math.min(LEAST_COLUMNS, columns), Math.ceil(columns / wanted));
  const parts = strips * Math.ceil(columns / COLUMNS);
  return { LINES, COLUMNS, parts, SPLITS: Math.min(parts, enough) };
}

/** A pass over parts of strips that give a device enough to do and, if measuring prefers them, the shortest and longest. */
export const stripVariants = <Args extends readonly unknown[]>(
  /** What is cut into strips. */
  extents: (geometry: GroupedGeometry) => Extents,
  linesOf: (geometry: GroupedGeometry, device: Capabilities) => number,
  emitStrips: (emit: Emitter, geometry: GroupedGeometry, division: Division, ...args: Args) => void,
): readonly Variant<GroupedGeometry, Args>[] =>
  (["strips", "short_strips", "long_strips"] as const).map((name) => {
    const division = (geometry: GroupedGeometry, device: Capabilities, lengths: Lengths): Division =>
      divided(geometry, extents(geometry), linesOf(geometry, device), device, lengths);
    return {
      name,
      ...(name !== "strips" && { varies: "strips" }),
      error: 1,
      fits: (geometry, device) =>
        isDepthwise(geometry) &&
        (name === "strips" ||
          division(geometry, device, name).COLUMNS !== division(geometry, device, "strips").COLUMNS),
      emit(emit, geometry, ...args) {
        emitStrips(emit, geometry, division(geometry, emit.device, name), ...args);
      },
    };
  });

/** In subgroups of the size that leaves an invocation the registers. */
export const sized = <K extends Kernel>({ device }: Emitter, kernel: K): K =>
  withSubgroupSize(kernel, device.subgroupSize);

/** What all the kernels take. */
export const constantsOf = ({ R, STRIDE_H, ...geometry }: GroupedGeometry, { LINES, COLUMNS }: Division) => ({
  ...geometry,
  ...{ WINDOW: R, STRIDE: STRIDE_H, LINES, COLUMNS },
});

/** An invocation for each vec4 of channels and each of `count` parts or sums. */
export const workgroups = ({ C }: GroupedGeometry, count: number): readonly [number, number, number] =>
  grid((count * pad4(C)) / 4, conv2d_depthwise_forward);
