/** The ways to go through the rows of (ROWS, C): reductions over rows, and passes over elements. */

import type { Emitter } from "../../graph/op.ts";
import { pad4 } from "../../graph/tensor.ts";
import { isCpu } from "../../kernel/capabilities.ts";
import type { Tunable, Variant } from "../tunable.ts";

export type Rows = Readonly<Record<"ROWS" | "C", number>>;

/** Invocations that keep all threads busy, of a CPU or else of any GPU. */
const ENOUGH = { few: 2048, many: 32768 } as const;

export const columnsOf = ({ C }: Rows): number => pad4(C) / 4;

/** How the rows of a reduction are divided, and by whom the parts are merged. */
export interface Reduction {
  readonly PARTS: number;
  /** Invocations that merge the parts of one vec4 of channels, through workgroup memory. */
  readonly LANES: number;
  readonly merge: "workgroup" | "single";
}

/** Parts of a reduction: work for so many threads, and few enough not to cost more than the rows. */
export const partsFor = (rows: Rows, threads: keyof typeof ENOUGH): number =>
  Math.max(1, Math.min(Math.floor(ENOUGH[threads] / columnsOf(rows)), Math.ceil(rows.ROWS / 16)));

/** About 8 parts for each lane, and at most a workgroup. */
export const lanesFor = (parts: number): number =>
  Math.min(64, 2 ** Math.floor(Math.log2(Math.max(1, parts / 8))));

/** Workgroups of a merge. */
export const mergeGroups = (rows: Rows, LANES: number) =>
  [Math.ceil((columnsOf(rows) * LANES) / 64), 1, 1] as const;

/**
 * Reductions in parts for many or for few threads, merged by workgroups or by an invocation each. On a CPU every part
 * more is only more to merge, and barriers take longer to compile and to run than the sum.
 */
export function reductions<Args extends readonly unknown[]>(
  emitReduction: (emit: Emitter, rows: Rows, reduction: Reduction, ...args: Args) => void,
): Pick<Tunable<Rows, Args>, "variants" | "guess"> {
  const differs = (rows: Rows): boolean => partsFor(rows, "few") !== partsFor(rows, "many");
  const variants = (["many", "few"] as const).flatMap((threads) =>
    (["workgroup", "single"] as const).map(
      (merge): Variant<Rows, Args> => ({
        name: `${threads}_parts_${merge}`,
        error: 1,
        fits: (rows) => threads === "many" || differs(rows),
        emit(emit, rows, ...args) {
          const PARTS = partsFor(rows, threads);
          const LANES = merge === "workgroup" ? lanesFor(PARTS) : 1;
          emitReduction(emit, rows, { PARTS, LANES, merge }, ...args);
        },
      }),
    ),
  );
  return {
    variants,
    guess(rows, device) {
      const cpu = isCpu(device);
      const wanted = `${cpu && differs(rows) ? "few" : "many"}_parts_${cpu ? "single" : "workgroup"}`;
      return variants.find(({ name }) => name === wanted)!;
    },
  };
}

/**
 * Passes over elements: about 8 rows for each invocation, which share what is read once a channel, or up to 32 where
 * that leaves work for a few threads, as for a CPU.
 */
export function elementwise<Args extends readonly unknown[]>(
  emitPass: (emit: Emitter, rows: Rows, PARTS: number, ...args: Args) => void,
): Pick<Tunable<Rows, Args>, "variants" | "guess"> {
  const short = ({ ROWS }: Rows): number => Math.ceil(ROWS / 8);
  const long = (rows: Rows): number =>
    Math.min(short(rows), Math.max(Math.ceil(rows.ROWS / 32), Math.ceil(ENOUGH.few / columnsOf(rows))));
  const differs = (rows: Rows): boolean => long(rows) !== short(rows);
  const eight: Variant<Rows, Args> = {
    name: "8_rows",
    error: 1,
    fits: () => true,
    emit: (emit, rows, ...args) => emitPass(emit, rows, short(rows), ...args),
  };
  const more: Variant<Rows, Args> = {
    name: "32_rows",
    error: 1,
    fits: differs,
    emit: (emit, rows, ...args) => emitPass(emit, rows, long(rows), ...args),
  };
  return {
    variants: [eight, more],
    guess: (rows, device) => (isCpu(device) && differs(rows) ? more : eight),
  };
}
