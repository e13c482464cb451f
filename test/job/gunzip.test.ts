/** What each browser's decompression makes of damaged files. */
import { expect, test } from "vitest";
import { gunzip, isGzip } from "../../src/base/gunzip.ts";
import { Random } from "../../src/base/random.ts";
import { formatIdx } from "../../src/data/mnist/idx.ts";
import { idxGz } from "../support/data/shards.ts";

const random = new Random(1, "gunzip");
const idx = { shape: [100_000], data: Uint8Array.from({ length: 100_000 }, () => 40 * random.uniform()) };
const plain = formatIdx(idx);
const gz = async () => new Uint8Array(await (await idxGz(idx)).arrayBuffer());

test("a file is inflated whole", async () => {
  const file = await gz();
  expect([isGzip(file), isGzip(plain)]).toEqual([true, false]);
  const inflated = await gunzip(file, plain.length);
  expect(inflated.length).toBe(plain.length);
  expect(inflated.every((byte, i) => byte === plain[i])).toBe(true);
});

test("one that is cut short or damaged is refused", async () => {
  const file = await gz();
  for (const length of [2, 20, file.length >> 1, file.length - 1]) {
    await expect(gunzip(file.slice(0, length), plain.length)).rejects.toThrow("damaged or cut short");
  }
  // The method, the checksum and the length.
  for (const place of [2, file.length - 8, file.length - 1]) {
    const damaged = file.slice();
    damaged[place]! ^= 0xff;
    await expect(gunzip(damaged, plain.length)).rejects.toThrow("damaged or cut short");
  }
});

test("one that inflates to more than it may is refused", async () => {
  await expect(gunzip(await gz(), plain.length - 1)).rejects.toThrow("inflates to more than 100007 bytes");
  const bomb = await idxGz({ shape: [3e7], data: new Uint8Array(3e7) });
  const bytes = new Uint8Array(await bomb.arrayBuffer());
  await expect(gunzip(bytes, 1e6)).rejects.toThrow("inflates to more than 1000000 bytes");
});
