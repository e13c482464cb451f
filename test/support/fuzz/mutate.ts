/** Damages inputs: bytes at random, and JSON with an eye to its parts. */
import type { Random } from "../../../src/base/random.ts";

const below = (random: Random, n: number): number => random.u32() % n;
const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

/** Numbers at the ends of their types, as bytes. */
const EXTREMES = [
  [0x00],
  [0xff],
  [0x7f],
  [0x80],
  [0, 0, 0, 0],
  [0xff, 0xff, 0xff, 0xff],
  [0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
];

type ByteChange = (random: Random, bytes: Uint8Array) => Uint8Array;

const overwrite = (bytes: Uint8Array, at: number, values: ArrayLike<number>): Uint8Array => {
  const changed = bytes.slice();
  for (let i = 0; i < values.length && at + i < changed.length; i++) changed[at + i] = values[i]!;
  return changed;
};

const splice = (bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array =>
  Uint8Array.from([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + removed)]);

const BYTE_CHANGES: readonly ByteChange[] = [
  (random, bytes) => {
    const at = below(random, bytes.length);
    return overwrite(bytes, at, [bytes[at]! ^ (1 << below(random, 8))]);
  },
  (random, bytes) => overwrite(bytes, below(random, bytes.length), [below(random, 256)]),
  (random, bytes) => overwrite(bytes, below(random, bytes.length), pick(random, EXTREMES)),
  (random, bytes) => bytes.slice(0, below(random, bytes.length)),
  (random, bytes) => {
    const [from, length] = [below(random, bytes.length), below(random, 32)];
    return splice(bytes, below(random, bytes.length), 0, bytes.subarray(from, from + length));
  },
  (random, bytes) => splice(bytes, below(random, bytes.length), below(random, 32), new Uint8Array()),
];

/** One to four changes; most of them near the beginning, where headers are. */
export function mutateBytes(random: Random, bytes: Uint8Array, most = 4096): Uint8Array {
  let changed = bytes;
  for (let n = 1 + below(random, 4); n > 0 && changed.length > 0; n--) {
    const head = random.u32() % 4 > 0 ? changed.subarray(0, most) : changed;
    const change = pick(random, BYTE_CHANGES);
    const cut = change(random, head);
    changed =
      head.length === changed.length ? cut : Uint8Array.from([...cut, ...changed.subarray(head.length)]);
  }
  return changed;
}

/** Stands for a value nested deep, which only exists as text: to make that of a value would overflow the stack. */
const DEEP = "nested deep";
const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

/** Anything but what is expected. */
const ODD: readonly ((random: Random) => unknown)[] = [
  () => null,
  () => true,
  () => "",
  () => "cat",
  () => "__proto__",
  () => "x".repeat(5000),
  () => [],
  () => ({}),
  () => -1,
  () => 0,
  () => 0.5,
  () => 1e9,
  () => 2 ** 31,
  () => 2 ** 53,
  () => 1e308,
  () => [[]],
  () => ({ length: -1 }),
  () => JSON.parse('{"__proto__":{"label":0,"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  () => Array(2000).fill(0),
  () => DEEP,
  (random) => below(random, 1000),
];

/** A parsed JSON value with one part changed: dropped, of another type or size, doubled, nested or renamed. */
export function mutateJson(random: Random, value: unknown): unknown {
  if (typeof value !== "object" || value === null || below(random, 8) === 0) return change(random, value);
  const keys = Object.keys(value);
  if (keys.length === 0) return change(random, value);
  const key = pick(random, keys);
  if (Array.isArray(value)) {
    const list = [...value];
    const at = Number(key);
    const how = below(random, 10);
    if (how === 0) list.splice(at, 1);
    else if (how === 1) list.splice(at, 0, list[at]);
    else list[at] = mutateJson(random, list[at]);
    return list;
  }
  const how = below(random, 12);
  const fields = Object.entries(value).flatMap(([name, part]): [string, unknown][] => {
    if (name !== key) return [[name, part]];
    if (how === 0) return [];
    if (how === 1) return [[pick(random, ["__proto__", "constructor", "toString", "", `${name}x`]), part]];
    return [[name, mutateJson(random, part)]];
  });
  return Object.fromEntries(fields);
}

function change(random: Random, value: unknown): unknown {
  const how = below(random, 8);
  if (typeof value === "number" && how < 3)
    return pick(random, [-value, value + 1, value * 1000, value / 3, 2 ** 40]);
  if (how === 3) return [value];
  if (how === 4) return { value };
  if (how === 5) return typeof value === "string" ? Number(value) || value.slice(1) : String(value);
  return pick(random, ODD)(random);
}

/** JSON text of a changed value, now and then with damaged bytes as well. */
export function mutateText(random: Random, text: string): string {
  const changed = JSON.stringify(mutateJson(random, JSON.parse(text))).replaceAll(JSON.stringify(DEEP), deep);
  if (below(random, 4) > 0) return changed;
  return new TextDecoder().decode(mutateBytes(random, new TextEncoder().encode(changed)));
}
