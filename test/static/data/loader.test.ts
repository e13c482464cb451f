import { expect, test, vi } from "vitest";
import { DataError, DestroyedError, DeviceLostError } from "../../../src/base/errors.ts";
import { BatchLoader } from "../../../src/data/batches.ts";
import { createDataset, subset, take } from "../../../src/data/dataset.ts";
import { type LoaderSpec, openLoader, SourceLoader } from "../../../src/data/loader.ts";
import { type DataSource, type Examples, sourceOf } from "../../../src/data/source.ts";

const IMAGES = { shape: [1, 2, 3], dtype: "f32" } as const;
const LABELS = { shape: [], dtype: "i32", below: 10 } as const;
const specs: Readonly<Record<string, LoaderSpec>> = { images: IMAGES, labels: LABELS };

const dataset = createDataset({
  name: "numbered",
  shape: [1, 2, 3],
  classes: ["even", "odd"],
  images: Uint8Array.from({ length: 10 * 6 }, (_, i) => i),
  labels: Int32Array.from({ length: 10 }, (_, i) => i % 2),
  normalize: { mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 2] },
});

/** What has been asked of a source, to be answered by hand. */
function asking(length = 10) {
  const asked: {
    readonly indices: readonly number[];
    readonly signal: AbortSignal;
    answer(examples?: Examples): void;
    fail(error: unknown): void;
  }[] = [];
  const source: DataSource = {
    name: "slow",
    length,
    batch: (indices, { signal }) =>
      new Promise((resolve, reject) => {
        const values = () => ({ x: Float32Array.from(indices) });
        asked.push({
          ...{ indices: [...indices], signal: signal! },
          answer: (examples = values()) => resolve(examples),
          fail: reject,
        });
      }),
  };
  return { asked, source };
}

const x: Readonly<Record<string, LoaderSpec>> = { x: { shape: [1], dtype: "f32" } };
const options = { batchSize: 2, shuffle: false };

test("a data set is a source with the batches of a BatchLoader, in its order", async () => {
  const wrapped: DataSource = { length: 10, batch: async (indices) => dataset.batch(indices) };
  for (const shuffle of [true, false]) {
    const given = { batchSize: 4, seed: 3, shuffle };
    const plain = new BatchLoader(dataset, given);
    const direct = openLoader(dataset, specs, given);
    const fetched = openLoader(wrapped, specs, given);
    for (const [epoch, first] of [...[0, 4, 8].map((first) => [0, first]), [1, 0], [7, 8], [7, 5]] as const) {
      const { images, labels, size } = plain.batchAt(epoch!, first!);
      const expected = { values: { images, labels }, size };
      expect(await direct.batchAt(epoch!, first!)).toEqual(expected);
      expect(await fetched.batchAt(epoch!, first!)).toEqual(expected);
    }
  }
});

test("copies of a data set give their own examples", () => {
  const images = (of: typeof dataset, ...indices: number[]) => of.batch(Uint32Array.from(indices)).images;
  expect(images(take(dataset, 3), 2)).toEqual(images(dataset, 2));
  expect(images(subset(dataset, [7, 1]), 0, 1)).toEqual(images(dataset, 7, 1));
  const relabelled = { ...dataset, labels: dataset.labels.map((label) => 1 - label) };
  expect(relabelled.batch(Uint32Array.of(0, 1)).labels).toEqual(Int32Array.of(1, 0));
});

test("a data set in memory is not waited for, and is its own length at most", () => {
  const loader = openLoader(dataset, specs, { batchSize: 64, shuffle: false });
  expect(loader.batchSize).toBe(10);
  expect(loader.batchAt(0, 0)).not.toBeInstanceOf(Promise);
  expect(() => openLoader(dataset, { ...specs, mask: IMAGES }, options)).toThrow(
    "numbered: a data set in memory has images and labels — there is no mask",
  );
});

test("so many batches of the epoch are fetched ahead, each once", async () => {
  const { asked, source } = asking(9);
  const loader = new SourceLoader(source, x, { ...options, prefetch: 2 });
  const first = loader.batchAt(0, 0);
  expect(asked.map(({ indices }) => indices)).toEqual([
    [0, 1],
    [2, 3],
    [4, 5],
  ]);
  // In any order of arrival.
  for (const { answer } of asked.toReversed()) answer();
  expect((await first).values.x).toEqual(Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0));
  await loader.batchAt(0, 2);
  expect(asked.slice(3).map(({ indices }) => indices)).toEqual([[6, 7]]);
  await loader.batchAt(0, 4);
  for (const { answer } of asked) answer();
  await loader.batchAt(0, 6);
  const last = await loader.batchAt(0, 8);
  expect([last.size, [...last.values.x!]]).toEqual([1, [8, 0, 0, 0]]);
  expect(asked.length).toBe(5);
});

test("a batch stays as it is while the next is given", async () => {
  const source = sourceOf({ length: 6, example: (index) => ({ x: index }) });
  const loader = new SourceLoader(source, { x: { shape: [], dtype: "f32" } }, options);
  const before = await loader.batchAt(0, 0);
  await loader.batchAt(0, 2);
  expect(before.values.x).toEqual(Float32Array.of(0, 1));
});

test("a source that answers at once is not asked ahead", async () => {
  const batch = vi.fn((indices: Uint32Array) => ({ x: Float32Array.from(indices) }));
  const loader = new SourceLoader({ length: 10, batch }, x, options);
  await loader.batchAt(0, 0);
  await loader.batchAt(0, 2);
  expect(batch).toHaveBeenCalledTimes(2);
});

test("going elsewhere ends what is being fetched", async () => {
  const { asked, source } = asking();
  const loader = new SourceLoader(source, x, { ...options, prefetch: 1 });
  const first = loader.batchAt(0, 0);
  asked[0]!.answer();
  await first;
  const again = loader.batchAt(0, 6);
  expect(asked.map(({ indices, signal }) => [indices[0], signal.aborted])).toEqual([
    [0, true],
    [2, true],
    [6, false],
    [8, false],
  ]);
  asked[2]!.answer();
  expect((await again).values.x![0]).toBe(6);
});

test("the caller's signal ends a batch that is being fetched, even where the source does not heed it", async () => {
  const { asked, source } = asking();
  const controller = new AbortController();
  const loader = new SourceLoader(source, x, { ...options, signal: controller.signal });
  const batch = loader.batchAt(0, 0);
  controller.abort(new Error("enough"));
  await expect(batch).rejects.toThrow("enough");
  expect(asked.every(({ signal }) => signal.aborted)).toBe(true);
  await expect(loader.batchAt(0, 0)).rejects.toThrow("enough");
});

test("closing ends what is being fetched", async () => {
  const { asked, source } = asking();
  const loader = new SourceLoader(source, x, options);
  const batch = loader.batchAt(0, 0);
  loader.close();
  await expect(batch).rejects.toThrow(DestroyedError);
  expect(asked.every(({ signal }) => signal.aborted)).toBe(true);
  await expect(loader.batchAt(0, 0)).rejects.toThrow("SourceLoader: it was closed");
});

test("an error of the source names source, batch and examples when its turn comes, and may be tried again", async () => {
  const { asked, source } = asking();
  const loader = new SourceLoader(source, x, { ...options, prefetch: 1 });
  const first = loader.batchAt(0, 0);
  asked[1]!.fail(new Error("the disk is gone"));
  asked[0]!.answer();
  await first;
  const second = loader.batchAt(0, 2);
  await expect(second).rejects.toThrow("slow: batch 1 of epoch 0, of examples 2, 3: the disk is gone");
  await expect(second).rejects.toThrow(DataError);
  const again = loader.batchAt(0, 2);
  asked.at(-2)!.answer();
  expect((await again).values.x![0]).toBe(2);
});

test("what is wrong with the device stays what it is", async () => {
  const { asked, source } = asking();
  const batch = new SourceLoader(source, x, options).batchAt(0, 0);
  asked[0]!.fail(new DeviceLostError("gone"));
  await expect(batch).rejects.toThrow(DeviceLostError);
});

test.each<[string, unknown, string]>([
  ["nothing", undefined, "batch must give arrays by name — got undefined"],
  ["a missing name", { images: new Float32Array(12) }, "labels is missing — got images"],
  ["a list", { images: [1], labels: [0] }, "images must be a Float32Array, Int32Array or Uint8Array"],
  [
    "too few values",
    { images: new Float32Array(11), labels: new Int32Array(2) },
    "images must have 12 values, 2 examples of (1, 2, 3) — got 11",
  ],
  [
    "NaN",
    { images: Float32Array.of(0, 0, 0, 0, 0, 0, 0, 0, NaN, 0, 0, 0), labels: new Int32Array(2) },
    "images of example 5 must be finite — got NaN at value 2",
  ],
  [
    "half a label",
    { images: new Float32Array(12), labels: Float32Array.of(1, 0.5) },
    "labels of example 5 must be 0…9 — got 0.5 at value 0",
  ],
  [
    "a label that is no class",
    { images: new Float32Array(12), labels: Int32Array.of(-1, 0) },
    "labels of example 4 must be 0…9 — got -1 at value 0",
  ],
])("refuses %s", async (_, examples, message) => {
  const source: DataSource = { name: "mine", length: 6, batch: () => examples as Examples };
  const batch = new SourceLoader(source, specs, options).batchAt(0, 4);
  await expect(batch).rejects.toThrow(`mine: batch 2 of epoch 0, of examples 4, 5: ${message}`);
});

test("values of any type become those of the network, with padding", async () => {
  const source: DataSource = {
    length: 2,
    batch: () => ({
      images: Uint8Array.of(0, 51, 255, 0, 0, 0, 102, 0, 0, 0, 0, 0),
      labels: Float32Array.of(1, 7),
      more: new Float32Array(1),
    }),
  };
  const { values } = await new SourceLoader(source, specs, options).batchAt(0, 0);
  const expected = [0, 0.2, 1, 0, 0, 0, 0, 0, 0.4, 0, 0, 0, 0, 0, 0, 0];
  expect([...values.images!]).toEqual(expected.map(Math.fround));
  expect(values.labels).toEqual(Int32Array.of(1, 7));
  expect(Object.keys(values)).toEqual(["images", "labels"]);
});

test("a source of single examples asks for some at once and names the one that fails", async () => {
  let running = 0;
  let most = 0;
  const source = sourceOf({
    name: "files",
    length: 40,
    atOnce: 3,
    async example(index) {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      if (index === 37) throw new Error("no such file");
      if (index === 12) return { x: new Float32Array(2) };
      return { x: Float32Array.of(index), y: index };
    },
  });
  const loader = new SourceLoader(
    source,
    { ...x, y: { shape: [], dtype: "i32" } },
    { batchSize: 10, shuffle: false, prefetch: 0 },
  );
  const { values } = await loader.batchAt(0, 0);
  expect([values.x![4], values.y![1], most]).toEqual([1, 1, 3]);
  await expect(loader.batchAt(0, 30)).rejects.toThrow(
    /^files: batch 3 of epoch 0, of examples 30, 31, 32, … \(10\): example 37: no such file$/,
  );
  await expect(loader.batchAt(0, 10)).rejects.toThrow(
    "example 12: x is a Float32Array of 2 — that of example 10 is a Float32Array of 1",
  );
});

test("refuses options that make no sense", async () => {
  const { source } = asking();
  expect(() => new SourceLoader(source, x, { ...options, batchSize: 11 })).toThrow(
    "SourceLoader: got batchSize 11, but slow has 10 examples — take batchSize ≤ 10",
  );
  expect(() => new SourceLoader(source, x, { ...options, prefetch: -1 })).toThrow(
    "prefetch must be a whole number",
  );
  await expect(new SourceLoader(source, x, options).batchAt(0, 10)).rejects.toThrow(
    "there is no example 10 in epoch 0",
  );
});
