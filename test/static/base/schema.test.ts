import { expect, test } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import {
  anyObject,
  check,
  count,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  parseJson,
  record,
  show,
  string,
  text,
  whole,
} from "../../../src/base/schema.ts";

const schema = object({
  name: text,
  images: list(object({ label: whole(0, 4), "a b": optional(flag) })),
  sizes: optional(record(list(count, 2, 2))),
  mode: optional(oneOf(["torch", "caffe"])),
});
const good = { name: "x", images: [{ label: 0 }, { label: 4, "a b": true }], sizes: { y: [1, 2] } };

test("a value that fits is given back, and has the schema's type", () => {
  const checked = check(schema, good, "file", DataError);
  expect(checked).toBe(good);
  const label: number | undefined = checked.images[0]?.label;
  const mode: "torch" | "caffe" | undefined = checked.mode;
  expect([label, mode]).toEqual([0, undefined]);
  expect(parseJson(schema, JSON.stringify({ ...good, more: 1 }), "file", DataError)).toEqual({
    ...good,
    more: 1,
  });
});

test.each([
  [null, /^file: it must be an object with name, images, sizes, mode — got null$/],
  [[], /^file: it must be an object .* — got \[\]$/],
  [{ ...good, name: "" }, /^file: name must be non-empty text — got ""$/],
  [{ ...good, images: undefined }, /^file: images must be a list of .* — got nothing$/],
  [
    { ...good, images: [{ label: 0 }, { label: "cat" }] },
    /^file: images\[1\]\.label must be a whole number 0…4 — got "cat"$/,
  ],
  [{ ...good, images: [{ label: 5 }] }, /label must be a whole number 0…4 — got 5/],
  [{ ...good, images: [{ label: 1.5 }] }, /got 1.5/],
  [{ ...good, images: [{}] }, /images\[0\]\.label must be .* — got nothing/],
  [{ ...good, images: [{ label: 1, "a b": 1 }] }, /images\[0\]\["a b"\] must be true or false — got 1/],
  [{ ...good, sizes: { y: [1] } }, /sizes\.y must be a list of 2 times a positive whole number — got \[1\]/],
  [{ ...good, sizes: { y: [1, 0] } }, /sizes\.y\[1\] must be a positive whole number — got 0/],
  [{ ...good, mode: "other" }, /mode must be torch or caffe — got "other"/],
])("what does not fit is named with its path: %#", (given, message) => {
  expect(() => check(schema, given, "file", DataError)).toThrow(DataError);
  expect(() => check(schema, given, "file", DataError)).toThrow(message);
});

test.each(["", "{", '{"name":', "nothing", "[".repeat(100_000)])("what is no JSON is named: %#", (json) => {
  expect(() => parseJson(schema, json, "file", DataError)).toThrow(new DataError("file is not JSON"));
});

test("bytes that are not UTF-8 are not JSON", () => {
  expect(() => parseJson(string, Uint8Array.of(0x22, 0xff, 0x22), "file", DataError)).toThrow(/not JSON/);
});

test("names that objects inherit are neither fields nor harmful", () => {
  const inherited = object({ toString: anyObject, constructor: optional(string) });
  expect(() => check(inherited, {}, "file", DataError)).toThrow(/toString must be an object — got nothing/);
  const read = parseJson(record(number), '{"__proto__": 1, "constructor": 2}', "file", DataError);
  expect(Object.entries(read)).toEqual([
    ["__proto__", 1],
    ["constructor", 2],
  ]);
  expect(() => parseJson(record(number), '{"__proto__": {}}', "file", DataError)).toThrow(
    /__proto__ must be a finite number/,
  );
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test("errors stay short whatever the value", () => {
  let deep: unknown = [];
  for (let i = 0; i < 100_000; i++) deep = [deep];
  for (const given of [deep, "x".repeat(1e6), Array(1e5).fill(1), { deep }, 1n, Symbol("s"), () => 1]) {
    expect(show(given).length).toBeLessThan(80);
  }
});
