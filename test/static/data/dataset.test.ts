import fc from "fast-check";
import { expect, test } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { BatchLoader } from "../../../src/data/batches.ts";
import { balanced, createDataset, subset, take } from "../../../src/data/dataset.ts";

/** `length` images of 1×2 pixels, in which every value tells its example, pixel and channel. */
function numbered(length: number, channels = 1) {
  return createDataset({
    name: "numbered",
    shape: [1, 2, channels],
    classes: ["even", "odd"],
    images: Float32Array.from({ length: length * 2 * channels }, (_, i) => i + 1),
    labels: Int32Array.from({ length }, (_, i) => i % 2),
  });
}

const good = {
  name: "d",
  shape: [1, 2, 1] as const,
  classes: ["a", "b"],
  images: new Float32Array(6),
  labels: new Int32Array(3),
};

test.each([
  [
    "no examples",
    { images: new Float32Array(0), labels: new Int32Array(0) },
    /dataset d: there are no examples/,
  ],
  ["too few values", { images: new Float32Array(5) }, /3 images of shape \(1, 2, 1\) have 6 values, got 5/],
  ["a shape of zero", { shape: [1, 0, 1] as const }, /three positive whole numbers — got \(1, 0, 1\)/],
  ["no classes", { classes: [] }, /there are no classes/],
  ["a label too large", { labels: Int32Array.of(0, 2, 1) }, /labels must be 0…1 — got 2 for example 1/],
  [
    "text for a label",
    { labels: [0, "cat", 1] as unknown as Int32Array },
    /labels must be 0…1 — got cat for/,
  ],
  ["a negative label", { labels: Int32Array.of(0, 1, -1) }, /labels must be 0…1 — got -1 for example 2/],
  [
    "NaN",
    { images: Float32Array.of(0, 0, 0, Number.NaN, 0, 0) },
    /must be finite — got NaN in image 1, value 1/,
  ],
  [
    "infinity",
    { images: Float32Array.of(0, 0, 0, 0, -Infinity, 0) },
    /must be finite — got -Infinity in image 2/,
  ],
  ["two means", { normalize: { mean: [0, 0], std: [1] } }, /a channel, 1 of each — got 2 and 1/],
  ["a std of zero", { normalize: { mean: [0], std: [0] } }, /positive stds — mean 0, std 0/],
])("refuses %s", (_, change, message) => {
  expect(() => createDataset({ ...good, ...change })).toThrow(DataError);
  expect(() => createDataset({ ...good, ...change })).toThrow(message);
});

test("take and subset choose examples", () => {
  const data = numbered(4);
  expect([...take(data, 2).images]).toEqual([1, 2, 3, 4]);
  const chosen = subset(data, [3, 0]);
  expect([chosen.length, [...chosen.images], [...chosen.labels]]).toEqual([2, [7, 8, 1, 2], [1, 0]]);
  for (const n of [0, 5, 1.5, Number.NaN]) expect(() => take(data, n)).toThrow(DataError);
  for (const indices of [[], [4], [-1]]) expect(() => subset(data, indices)).toThrow(DataError);
});

test("a balanced subset has as many examples of each class, by the seed, and less is a part of more", () => {
  const data = numbered(40);
  const chosen = (perClass: number, seed: number): number[] =>
    Array.from(balanced(data, perClass, seed).images).filter((_, i) => i % 2 === 0);
  for (const perClass of [1, 7, 20]) {
    const { labels, length } = balanced(data, perClass, 1);
    expect([length, labels.filter((label) => label === 0).length]).toEqual([2 * perClass, perClass]);
  }
  expect(chosen(7, 1)).toEqual(chosen(7, 1));
  expect(chosen(7, 1)).toEqual(chosen(7, 1).sort((a, b) => a - b));
  expect(chosen(7, 1)).not.toEqual(chosen(7, 2));
  expect(chosen(9, 1)).toEqual(expect.arrayContaining(chosen(7, 1)));
  expect(() => balanced(data, 21, 1)).toThrow(
    "got perClass 21, but class even has 20 examples — take perClass ≤ 20",
  );
  for (const perClass of [0, 1.5, Number.NaN]) expect(() => balanced(data, perClass, 1)).toThrow(DataError);
});

test("bytes are normalised on the scale of 0 to 1", () => {
  const dataset = createDataset({
    ...good,
    images: Uint8Array.of(0, 255, 51, 0, 0, 0),
    normalize: { mean: [0.5], std: [0.25] },
  });
  const { images } = new BatchLoader(dataset, { batchSize: 1, shuffle: false }).batch(0, 0);
  expect([...images]).toEqual([-2, 0, 0, 0, 2, 0, 0, 0]);
});

test.each([1, 2, 3, 4, 5])("%i channels are padded with zeros to a multiple of 4", (channels) => {
  const stride = Math.ceil(channels / 4) * 4;
  const loader = new BatchLoader(numbered(3, channels), { batchSize: 3, shuffle: false });
  loader.batch(0, 0);
  const { images } = loader.batch(1, 0);
  expect(images.length).toBe(3 * 2 * stride);
  images.forEach((value, i) => {
    const channel = i % stride;
    expect(value).toBe(channel < channels ? Math.floor(i / stride) * channels + channel + 1 : 0);
  });
});

test("every example comes exactly once an epoch, with its label; the last batch has its true size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(),
      (length, size, seed) => {
        const batchSize = Math.min(size, length);
        const loader = new BatchLoader(numbered(length), { batchSize, seed });
        const seen: number[] = [];
        for (let index = 0; index < loader.batchesPerEpoch; index++) {
          const batch = loader.batch(0, index);
          const last = index === loader.batchesPerEpoch - 1;
          expect(batch.size).toBe(last ? length - index * batchSize : batchSize);
          expect([batch.images.length, batch.labels.length]).toEqual([batch.size * 8, batch.size]);
          for (let i = 0; i < batch.size; i++) {
            const example = (batch.images[i * 8]! - 1) / 2;
            expect(batch.labels[i]).toBe(example % 2);
            seen.push(example);
          }
        }
        expect(seen.sort((a, b) => a - b)).toEqual([...Array(length).keys()]);
      },
    ),
  );
});

test("the order follows from the seed and the epoch alone", () => {
  const order = (seed: number, epochs: number[]) => {
    const loader = new BatchLoader(numbered(64), { batchSize: 64, seed });
    return epochs.map((epoch) => loader.batch(epoch, 0).images.join());
  };
  const [first, second] = order(1, [0, 1]);
  expect(order(1, [1, 7, 0])).toEqual([second, expect.any(String), first]);
  expect(new Set([first, second, ...order(2, [0])]).size).toBe(3);
});

test("a batch stays as it is while the next is made", () => {
  const loader = new BatchLoader(numbered(6), { batchSize: 2 });
  const batch = loader.batch(0, 0);
  const before = batch.images.join();
  loader.batch(0, 1);
  expect(batch.images.join()).toBe(before);
  expect(loader.batch(0, 2).images.buffer).toBe(batch.images.buffer);
});

test("batches that cannot be are refused", () => {
  expect(() => new BatchLoader(numbered(3), { batchSize: 4 })).toThrow(
    /got batchSize 4, but numbered has 3 examples — take batchSize ≤ 3/,
  );
  for (const batchSize of [0, -1, 1.5, Number.NaN]) {
    expect(() => new BatchLoader(numbered(3), { batchSize })).toThrow(DataError);
  }
  const loader = new BatchLoader(numbered(3), { batchSize: 2 });
  for (const [epoch, index] of [[0, 2] as const, [0, -1] as const, [-1, 0] as const, [0, 0.5] as const]) {
    expect(() => loader.batch(epoch, index)).toThrow(/an epoch has 2 batches/);
  }
});
