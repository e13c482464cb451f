/** Checks the caller's buffers before WebGPU does, which names neither the op nor the buffer, and reports later. */
import { ShapeError } from "../base/errors.ts";
import type { Range } from "../run/executor.ts";
import { LIVE_BYTES } from "../run/live.ts";

/** A buffer, or a part of one; `offset` is a multiple of 256 bytes. */
export type BufferRange = GPUBuffer | GPUBufferBinding;

/** A buffer that is needed. */
export interface Need {
  readonly name: string;
  /** The least that it may hold. */
  readonly bytes: number;
  readonly usage: "STORAGE" | "UNIFORM";
}

/** Of the uniform with the live scalars. */
export const LIVE = { name: "live", access: "read", bytes: LIVE_BYTES, usage: "UNIFORM" } as const;

/**
 * The ranges of these buffers by name. Throws ShapeError, naming `operation`, for one that is missing or has an unknown
 * name, is no buffer, or is too small, and for an offset or a usage that WebGPU would refuse.
 */
export function resolveAll(
  operation: string,
  needs: readonly Need[],
  given: Readonly<Record<string, BufferRange | undefined>>,
): ReadonlyMap<string, Range> {
  const fail = (reason: string, got: string): never => {
    throw new ShapeError(operation, reason, got);
  };
  const takes = `it takes ${needs.map(({ name }) => name).join(", ")}`;
  const unknown = Object.keys(given).find((key) => given[key] && !needs.some(({ name }) => name === key));
  for (const { name, bytes } of needs) {
    const got = unknown ? `one for "${unknown}" — ${takes}` : "none";
    if (!given[name]) fail(`needs a buffer for "${name}", ${bytes} bytes or more`, `got ${got}`);
  }
  if (unknown) fail(`takes no buffer for "${unknown}"`, takes);
  return new Map(
    needs.map(({ name, bytes, usage }) => {
      const must = (reason: string, got: unknown): never => fail(`${name} ${reason}`, `got ${got}`);
      const range = given[name] as GPUBufferBinding;
      // A buffer has no `buffer`, but a `size`.
      const { buffer = given[name] as GPUBuffer, offset = 0 } = range;
      if (typeof (buffer as Partial<GPUBuffer> | null)?.usage !== "number") {
        must("must be a GPUBuffer, or { buffer, offset, size }", buffer);
      }
      const { size = buffer.size - offset } = range;
      // WebGPU's default minStorageBufferOffsetAlignment.
      if (!(offset >= 0 && offset % 256 === 0)) {
        must("must begin at a multiple of 256 bytes", `offset ${offset}`);
      }
      if (!(offset + size <= buffer.size)) {
        must("must lie within its buffer", `offset ${offset} and size ${size} in ${buffer.size} bytes`);
      }
      if (size % 4) must("must have a multiple of 4 bytes", `${size} bytes`);
      if (size < bytes) must(`needs ${bytes} bytes`, `${size} bytes`);
      if (!(buffer.usage & GPUBufferUsage[usage])) {
        must(`needs a buffer with GPUBufferUsage.${usage}`, `usage ${usagesOf(buffer)}`);
      }
      return [name, { buffer, offset, size }];
    }),
  );
}

const usagesOf = ({ usage }: GPUBuffer): string =>
  Object.getOwnPropertyNames(GPUBufferUsage)
    .filter((name) => usage & GPUBufferUsage[name as Need["usage"]])
    .join(" | ");

/** One use of a buffer by a launch; `name` is for errors. */
export interface Use {
  readonly name: string;
  readonly access: "read" | "read_write";
  readonly range: Range;
}

/**
 * Throws ShapeError where a launch writes a buffer that it also reads, which WebGPU allows for no two ranges of one
 * buffer, and where two ranges that it writes overlap.
 */
export function checkApart(operation: string, uses: readonly Use[]): void {
  uses.forEach((a, i) => {
    for (const b of uses.slice(i + 1)) {
      const alike = a.access === b.access;
      const apart = a.range.offset >= end(b) || b.range.offset >= end(a);
      if (a.range.buffer !== b.range.buffer || (alike && (apart || a.access === "read"))) continue;
      throw new ShapeError(
        operation,
        `${a.name} and ${b.name} ${
          alike
            ? "are written and must not overlap"
            : "must be in different buffers, since one is read and one is written"
        }`,
        `got ${show(a)} and ${show(b)} of one buffer`,
      );
    }
  });
}

const end = ({ range: { offset, size } }: Use): number => offset + size;

const show = (use: Use): string => `bytes ${use.range.offset}–${end(use)}`;
