import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { build, createServer, type Rolldown, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { dataFile, dataFileNames, dataFiles } from "../../../src/cli/data/data-files.ts";
import { idxFile } from "../../../src/cli/data/idx-files.ts";
import { type DatasetName, datasetNames, loadDataset } from "../../../src/data/load.ts";
import { formatIdx, parseIdx } from "../../../src/data/mnist/idx.ts";

let server: ViteDevServer;
let baseUrl: string;

beforeAll(async () => {
  server = await createServer({
    configFile: false,
    plugins: [dataFiles()],
    server: { port: 0, watch: null, ws: false },
    logLevel: "silent",
    optimizeDeps: { noDiscovery: true },
    appType: "custom",
  });
  await server.listen();
  // On a busy machine the next request may take longer than a connection is kept by default, and meet its end.
  (server.httpServer as Server).keepAliveTimeout = 0;
  baseUrl = `http://localhost:${(server.httpServer!.address() as AddressInfo).port}/data`;
});

afterAll(() => server.close());

const sizeOf = (name: DatasetName, files: readonly string[]): number =>
  files.reduce((sum, file) => sum + statSync(dataFile(name, file)!).size, 0);
const shards = (split: string, count: number): string[] => [
  `${split}-labels.idx.gz`,
  ...Array.from({ length: count }, (_, i) => `${split}-images-0${i}.idx.gz`),
];

describe.each(datasetNames)("the files of %s", (name) => {
  test("hold together what the package holds", () => {
    const hash = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
    expect(dataFileNames(name).length).toBe(2 + 30 + 5);
    for (const split of ["train", "test"] as const) {
      const files = dataFileNames(name).filter((file) => file.startsWith(split));
      const inflated = files.map((file) => new Uint8Array(gunzipSync(readFileSync(dataFile(name, file)!))));
      expect(hash(inflated[0]!)).toBe(hash(readFileSync(idxFile(name, split, "labels"))));
      const parts = inflated.slice(1).map((bytes) => parseIdx({ name: "shard", bytes }));
      for (const { shape } of parts) expect(shape).toEqual([2000, 28, 28]);
      const data = Buffer.concat(parts.map(({ data }) => data));
      const whole = formatIdx({ shape: [2000 * parts.length, 28, 28], data });
      expect(hash(whole)).toBe(hash(readFileSync(idxFile(name, split, "images"))));
    }
  });

  test.each([1, 1999, 2000, 2001, undefined])("come from the server for %s examples", async (examples) => {
    const progress: (readonly [number, number | undefined])[] = [];
    const dataset = await loadDataset(name, "test", {
      ...{ baseUrl, examples },
      onProgress: (loaded, total) => progress.push([loaded, total]),
    });
    const count = examples ?? 10_000;
    expect([dataset.name, dataset.length, dataset.shape]).toEqual([name, count, [28, 28, 1]]);
    const [images, labels] = (["images", "labels"] as const).map((part) => {
      const path = idxFile(name, "test", part);
      return parseIdx({ name: path, bytes: readFileSync(path) }).data;
    });
    expect(Buffer.compare(dataset.images as Uint8Array, images!.subarray(0, 784 * count))).toBe(0);
    expect([...dataset.labels]).toEqual([...labels!.subarray(0, count)]);
    const size = sizeOf(name, shards("test", Math.ceil(count / 2000)));
    expect(progress.at(-1)).toEqual([size, size]);
    // The labels tell how many files there are.
    expect(progress[0]![1]).toBeUndefined();
    expect(new Set(progress.map(([, total]) => total))).toEqual(new Set([undefined, size]));
  });
});

test("the files of a first step are small", () => {
  expect(sizeOf("mnist", shards("train", 6)) + sizeOf("mnist", shards("test", 1))).toBeLessThan(2.5e6);
});

test("the training data has the mean and deviation that it is normalised by", async () => {
  for (const name of datasetNames) {
    const { images, length, normalize } = await loadDataset(name, "train", { baseUrl });
    expect(length).toBe(60_000);
    let sum = 0;
    let squares = 0;
    for (const byte of images) {
      sum += byte;
      squares += byte * byte;
    }
    const mean = sum / images.length;
    expect(mean / 255).toBeCloseTo(normalize.mean[0]!, 3);
    expect(Math.sqrt(squares / images.length - mean * mean) / 255).toBeCloseTo(normalize.std[0]!, 3);
  }
});

test("a build has the shards that it was told, and labels for these alone", async () => {
  const built = await build({
    configFile: false,
    plugins: [
      dataFiles({ shards: { mnist: 1, fashion: 3 } }),
      // A build needs an entry.
      { name: "entry", resolveId: (id) => (id === "entry" ? id : null), load: () => "export {}" },
    ],
    logLevel: "silent",
    build: { write: false, rolldownOptions: { input: "entry" } },
  });
  const { output } = [built].flat()[0] as Rolldown.RolldownOutput;
  const assets = new Map(
    output.flatMap((file) => (file.type === "asset" ? [[file.fileName, file.source] as const] : [])),
  );
  const expected = (name: DatasetName, count: number) =>
    ["train", "test"].flatMap((split) => shards(split, count).map((file) => `data/${name}/${file}`));
  expect([...assets.keys()].sort()).toEqual([...expected("fashion", 3), ...expected("mnist", 1)].sort());
  for (const [name, count] of [
    ["mnist", 2000],
    ["fashion", 6000],
  ] as const) {
    const bytes = new Uint8Array(gunzipSync(assets.get(`data/${name}/train-labels.idx.gz`)!));
    expect(parseIdx({ name, bytes }).shape).toEqual([count]);
    const file = `${name}/train-images-00.idx.gz`;
    expect(
      Buffer.from(assets.get(`data/${file}`)!).equals(readFileSync(dataFile(name, file.split("/")[1]!)!)),
    ).toBe(true);
  }
});

test.each(["test-images-05.idx.gz", "test-images-0.idx.gz", "test-labels.idx", "../x", "__proto__", ""])(
  "there is no file %j",
  (file) => expect(dataFile("mnist", file)).toBeUndefined(),
);

test("what cannot be loaded is a DataError that names it", async () => {
  await expect(loadDataset("cifar" as DatasetName, "test", { baseUrl })).rejects.toThrow(
    /must be one of mnist, fashion — got cifar/,
  );
  await expect(loadDataset("mnist", "test", { baseUrl: `${baseUrl}/elsewhere` })).rejects.toThrow(
    /elsewhere\/mnist\/test-labels\.idx\.gz — HTTP 404/,
  );
  await expect(loadDataset("mnist", "test", { baseUrl: "http://localhost:1/data" })).rejects.toThrow(
    DataError,
  );
});

test("more examples than there are, or none, are refused before images are fetched", async () => {
  for (const examples of [0, -1, 1.5, Number.NaN]) {
    await expect(loadDataset("mnist", "test", { baseUrl, examples })).rejects.toThrow(
      `loadDataset: examples must be a positive whole number — got ${examples}`,
    );
  }
  const progress: number[] = [];
  const loading = loadDataset("mnist", "test", {
    ...{ baseUrl, examples: 10_001 },
    onProgress: (loaded) => progress.push(loaded),
  });
  await expect(loading).rejects.toThrow(DataError);
  await expect(loading).rejects.toThrow(
    /^loadDataset: examples must be 1…10000, as many as http.*\/data\/mnist has to test on — got 10001$/,
  );
  expect(progress.at(-1)).toBe(sizeOf("mnist", ["test-labels.idx.gz"]));
});

test("loading can be aborted", async () => {
  const signal = AbortSignal.abort();
  await expect(loadDataset("mnist", "test", { baseUrl, signal })).rejects.toThrow(/abort/i);
});
