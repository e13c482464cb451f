import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { dataFile, dataFiles } from "../../../src/cli/data/data-files.ts";
import { type DatasetName, loadDataset } from "../../../src/data/load.ts";

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

test.each(["mnist", "fashion"] as const)("%s comes whole from the server, with progress", async (name) => {
  const sizes = ["images", "labels"].map(
    (part) => readFileSync(dataFile(name, "test", part as "images")).length,
  );
  const total = sizes[0]! + sizes[1]!;
  const progress: (readonly [number, number | undefined])[] = [];
  const dataset = await loadDataset(name, "test", {
    baseUrl,
    onProgress: (loaded, of) => progress.push([loaded, of]),
  });
  expect([dataset.name, dataset.length, dataset.shape]).toEqual([name, 10_000, [28, 28, 1]]);
  expect(new Set(dataset.labels).size).toBe(10);
  expect(progress.at(-1)).toEqual([total, total]);
});

test("the training data has the mean and deviation that it is normalised by", async () => {
  for (const name of ["mnist", "fashion"] as const) {
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

test("what cannot be loaded is a DataError that names it", async () => {
  await expect(loadDataset("cifar" as DatasetName, "test", { baseUrl })).rejects.toThrow(
    /must be one of mnist, fashion — got cifar/,
  );
  await expect(loadDataset("mnist", "test", { baseUrl: `${baseUrl}/elsewhere` })).rejects.toThrow(
    /elsewhere\/mnist\/test-(images|labels)\.idx — HTTP 404/,
  );
  await expect(loadDataset("mnist", "test", { baseUrl: "http://localhost:1/data" })).rejects.toThrow(
    DataError,
  );
});

test("loading can be aborted", async () => {
  const signal = AbortSignal.abort();
  await expect(loadDataset("mnist", "test", { baseUrl, signal })).rejects.toThrow(/abort/i);
});
