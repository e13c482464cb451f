/** Checks the caller's buffers before WebGPU does, which names neither the op nor the buffer, and reports later. */
import { ShapeError } from "../base/errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Range } from "../run/executor.ts";
import { LIVE_BYTES } from "../run/live.ts";
import { type BufferRange, resolve } from "./buffers.ts";

/** What WebGPU lets an offset into a buffer be a multiple of. */
const ALIGNMENT = 256;

/** A buffer that is needed. */
export interface Need {
  /** The least that it may hold. */
  readonly bytes: number;
  readonly usage: "STORAGE" | "UNIFORM";
}

/** Of the uniform with the live scalars. */
export const LIVE: Need = { bytes: LIVE_BYTES, usage: "UNIFORM" };

const ELEMENT_BYTES: Readonly<Record<string, number>> = { vec4f: 16, vec4u: 16, vec4h: 8 };

/** The bindings of a kernel, each of one element or more, and `live` if it reads that. */
export const needsOf = ({ bindings, live }: Kernel): ReadonlyMap<string, Need> =>
  new Map<string, Need>([
    ...bindings.map(({ name, element }): [string, Need] => [
      name,
      { bytes: ELEMENT_BYTES[element] ?? 4, usage: "STORAGE" },
    ]),
    ...(live ? [["live", LIVE] as const] : []),
  ]);

/**
 * The ranges of these buffers by name. Throws ShapeError, naming `operation`, for one that is missing or has an unknown
 * name, is no buffer, or is too small, and for an offset or a usage that WebGPU would refuse.
 */
export function resolveAll(
  operation: string,
  needs: ReadonlyMap<string, Need>,
  given: Readonly<Record<string, BufferRange | undefined>>,
): Map<string, Range> {
  const names = [...needs.keys()];
  const unknown = Object.keys(given).find((name) => given[name] !== undefined && !needs.has(name));
  for (const [name, { bytes }] of needs) {
    if (given[name]) continue;
    const got = unknown === undefined ? "none" : `one for "${unknown}" — it takes ${names.join(", ")}`;
    throw new ShapeError(operation, `needs a buffer for "${name}", ${bytes} bytes or more`, `got ${got}`);
  }
  if (unknown !== undefined) {
    throw new ShapeError(operation, `takes no buffer for "${unknown}"`, `it takes ${names.join(", ")}`);
  }
  return new Map([...needs].map(([name, need]) => [name, resolveOne(operation, name, need, given[name]!)]));
}

function resolveOne(operation: string, name: string, { bytes, usage }: Need, given: BufferRange): Range {
  const fail = (reason: string, got: string): never => {
    throw new ShapeError(operation, `${name} ${reason}`, `got ${got}`);
  };
  const isObject = typeof given === "object";
  const buffer = isObject && "buffer" in given ? given.buffer : given;
  if (!isObject || typeof (buffer as Partial<GPUBuffer> | null)?.usage !== "number") {
    return fail("must be a GPUBuffer, or { buffer, offset, size }", String(buffer));
  }
  const range = resolve(given);
  const { offset, size } = range;
  if (!Number.isInteger(offset) || offset < 0 || offset % ALIGNMENT !== 0) {
    fail(`must begin at a multiple of ${ALIGNMENT} bytes`, `offset ${offset}`);
  }
  if (!Number.isInteger(size) || offset + size > buffer.size) {
    fail("must lie within its buffer", `offset ${offset} and size ${size} in ${buffer.size} bytes`);
  }
  if (size % 4 !== 0) fail("must have a multiple of 4 bytes", `${size} bytes`);
  if (size < bytes) fail(`needs ${bytes} bytes`, `${size} bytes`);
  if (!(buffer.usage & GPUBufferUsage[usage])) {
    fail(`needs a buffer with GPUBufferUsage.${usage}`, `usage ${usagesOf(buffer)}`);
  }
  return range;
}

const usagesOf = ({ usage }: GPUBuffer): string =>
  Object.entries(Object.getOwnPropertyDescriptors(GPUBufferUsage))
    .flatMap(([name, { value }]) => (usage & value ? name : []))
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
  for (const [i, a] of uses.entries()) {
    for (const b of uses.slice(i + 1)) {
      if (a.range.buffer !== b.range.buffer || (a.access === "read" && b.access === "read")) continue;
      const overlap = a.range.offset < end(b) && b.range.offset < end(a);
      if (a.access === b.access && !overlap) continue;
      const reason =
        a.access === b.access
          ? `${a.name} and ${b.name} are written and must not overlap`
          : `${a.name} and ${b.name} must be in different buffers, since one is read and one is written`;
      throw new ShapeError(operation, reason, `got ${show(a)} and ${show(b)} of one buffer`);
    }
  }
}

const end = ({ range: { offset, size } }: Use): number => offset + size;

const show = (use: Use): string => `bytes ${use.range.offset}–${end(use)}`;
