/** What `loadDataset` and `loadImageFolder` say of servers that lack, replace, cut or withhold files. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { loadImageFolder } from "../../../src/data/folder.ts";
import { parseFolderIndex } from "../../../src/data/folder-index.ts";
import { type DatasetName, type LoadOptions, loadDataset } from "../../../src/data/load.ts";
import { formatIdx } from "../../../src/data/mnist/idx.ts";

let answer: (request: IncomingMessage, response: ServerResponse) => unknown;
const server = createServer((request, response) => void answer(request, response));
let address: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** Labels of 2,003 images, which are in two shards. */
const COUNT = 2_003;
const idx = (shape: number[], seed = 1) => {
  const data = new Uint8Array(shape.reduce((a, b) => a * b, 1));
  return formatIdx({ shape, data: data.map((_, i) => (seed * i) % 10) });
};
const labels = idx([COUNT]);
const inflated: Readonly<Record<string, Uint8Array>> = {
  "test-labels.idx.gz": labels,
  "test-images-00.idx.gz": idx([2000, 28, 28]),
  "test-images-01.idx.gz": idx([3, 28, 28], 3),
};
const files = Object.fromEntries(Object.entries(inflated).map(([name, idx]) => [name, gzipSync(idx)]));
const nameIn = ({ url }: IncomingMessage): string => url!.split("/").at(-1)!;

/** Answers with the files, or other bytes in place of some of them. */
const serve =
  (others: Readonly<Record<string, Uint8Array>> = {}): typeof answer =>
  (request, response) =>
    response.end(others[nameIn(request)] ?? files[nameIn(request)]);
const load = (options: LoadOptions = {}, name: DatasetName = "mnist") =>
  loadDataset(name, "test", { baseUrl: `${address}/data/`, ...options });

async function refusal(reading: Promise<unknown>): Promise<string> {
  const error = await reading.then(
    () => new Error("it was read"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  return (error as Error).message;
}

describe("loadDataset", () => {
  it("says what it needs of a server that answers with its index page", async () => {
    answer = (_, response) =>
      response
        .writeHead(200, { "content-type": "text/html; charset=utf-8" })
        .end("<!doctype html><title>App</title>");
    const message = await refusal(load());
    expect(message).toMatch(/^loadDataset: the server has no http.*\/data\/mnist\/test-labels\.idx\.gz — /);
    expect(message).toContain(
      "it answered with a web page; serve train-labels.idx.gz, train-images-00.idx.gz, train-images-01.idx.gz and so",
    );
    expect(message).toContain(`from ${address}/data/mnist, or give another baseUrl`);
    expect(message).toContain(
      '"npx webgraft data mnist FOLDER" makes them (in a Vite app, with public/data for',
    );
    expect(await refusal(load({}, "fashion"))).toContain("npx webgraft data fashion");
  });

  it("says the same of one that lacks a file", async () => {
    answer = (_, response) => response.writeHead(404).end();
    expect(await refusal(load())).toMatch(
      /test-labels.* — HTTP 404 .*; serve train-labels.idx.gz, .* makes them/,
    );
    answer = (request, response) =>
      nameIn(request).includes("01") ? response.writeHead(404).end() : serve()(request, response);
    expect(await refusal(load())).toMatch(/test-images-01.* — HTTP 404 .*; serve train-labels.idx.gz/);
  });

  it("asks for no more shards than it needs", async () => {
    const asked: string[] = [];
    answer = (request, response) => {
      asked.push(nameIn(request));
      serve()(request, response);
    };
    expect((await load({ examples: 2000 })).length).toBe(2000);
    expect(asked).toEqual(["test-labels.idx.gz", "test-images-00.idx.gz"]);
    const all = await load();
    expect(all.length).toBe(COUNT);
    expect(asked.slice(2).sort()).toEqual(Object.keys(files).sort());
    // The last image begins with value 2 · 784 of its shard.
    expect(all.images.slice(-784, -780)).toEqual(Uint8Array.of(4, 7, 0, 3));
    expect([...all.labels.slice(-3)]).toEqual([0, 1, 2]);
  });

  it("ends a stall", async () => {
    for (const stalled of Object.keys(files)) {
      answer = (request, response) =>
        nameIn(request) === stalled
          ? response.write(files[stalled]!.subarray(0, 9))
          : serve()(request, response);
      expect(await refusal(load({ stallTimeout: 100 }))).toMatch(
        new RegExp(`cannot read .*/${stalled} — no byte arrived for 0\\.1 seconds`),
      );
    }
  });

  it("stops when it is aborted, whatever it waits for", async () => {
    for (const stalled of Object.keys(files)) {
      const stop = new AbortController();
      answer = (request, response) => {
        if (nameIn(request) !== stalled) return serve()(request, response);
        response.write(files[stalled]!.subarray(0, 9), () => stop.abort(new Error("enough")));
      };
      await expect(load({ signal: stop.signal })).rejects.toThrow("enough");
    }
  });

  it.each(Object.keys(files))("notices what is wrong with %s", async (name) => {
    const right = files[name]!;
    const refused = async (bytes: Uint8Array): Promise<string> => {
      answer = serve({ [name]: bytes });
      const message = await refusal(load());
      expect(message).toContain(`/data/mnist/${name}`);
      return message;
    };
    for (const length of [2, 9, right.length >> 1, right.length - 9, right.length - 1]) {
      expect(await refused(right.subarray(0, length))).toContain("its gzip is damaged or cut short");
    }
    expect(await refused(new Uint8Array())).toContain("is cut short — 0 bytes");
    for (const place of [3, right.length >> 1, right.length - 5]) {
      await refused(right.map((byte, i) => (i === place ? byte ^ 0xff : byte)));
    }
    expect(await refused(gzipSync(inflated[name]!.subarray(0, 99)))).toContain("is cut short");
    expect(await refused(gzipSync("<!doctype html>"))).toContain("must start with two zero bytes");
    expect(await refused(gzipSync(new Uint8Array(3e7)))).toMatch(/inflates to more than \d+ bytes/);
    expect(await refused(new Uint8Array(3e6))).toMatch(/it has more than \d+ bytes/);
  });

  it("notices a body that ends too early", async () => {
    answer = (request, response) => {
      const file = files[nameIn(request)]!;
      response.writeHead(200, { "content-length": file.length + 100 });
      response.write(file, () => setTimeout(() => response.destroy(), 5));
    };
    expect(await refusal(load())).toMatch(/cannot read .*test-labels\.idx\.gz — /);
  });

  it.each([
    ["fewer images", [1999, 28, 28]],
    ["smaller images", [2000, 27, 28]],
    ["no images", [2000, 784]],
  ])("notices a shard with %s", async (_, shape) => {
    answer = serve({ "test-images-00.idx.gz": gzipSync(idx(shape)) });
    expect(await refusal(load())).toMatch(
      /test-images-00\.idx\.gz must be of shape \(2000, 28, 28\), as there are 2003 labels — got \(/,
    );
  });

  it.each([
    ["more images", [2001, 28, 28]],
    ["larger images", [2000, 29, 28]],
  ])("does not inflate a shard with %s", async (_, shape) => {
    answer = serve({ "test-images-00.idx.gz": gzipSync(idx(shape)) });
    expect(await refusal(load())).toMatch(/test-images-00\.idx\.gz — inflates to more than 1568016 bytes/);
  });

  it("notices labels of another shape, and more than there can be", async () => {
    const refused = (shape: number[]): Promise<string> => {
      answer = serve({ "test-labels.idx.gz": gzipSync(idx(shape)) });
      return refusal(load());
    };
    expect(await refused([COUNT, 1])).toMatch(
      /test-labels\.idx\.gz must be of shape \(n\) — got \(2003, 1\)/,
    );
    expect(await refused([200_001])).toMatch(/test-labels\.idx\.gz — inflates to more than 200008 bytes/);
    expect(await refused([0])).toContain("there are no examples");
  });

  it("tells the first error, and reads nothing more", async () => {
    const asked: string[] = [];
    answer = (request, response) => {
      asked.push(nameIn(request));
      if (nameIn(request).includes("labels")) return response.end(gzipSync(idx([60_000])));
      if (nameIn(request).includes("02")) response.end(gzipSync("nothing"));
    };
    expect(await refusal(load())).toContain("test-images-02.idx.gz: must start with two zero bytes");
    expect(asked.length).toBe(1 + 6);
  });

  it("takes what was decompressed on the way, and does not believe its length", async () => {
    answer = (request, response) => {
      const body = files[nameIn(request)]!;
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
    };
    const progress: (readonly [number, number | undefined])[] = [];
    const dataset = await load({ onProgress: (loaded, total) => progress.push([loaded, total]) });
    expect(dataset.length).toBe(COUNT);
    const size = Object.values(inflated).reduce((sum, { length }) => sum + length, 0);
    expect(progress.at(-1)).toEqual([size, size]);
    expect(new Set(progress.map(([, total]) => total))).toEqual(new Set([undefined, size]));
    // Without the header, as pages of other origins do not get to see it.
    answer = (request, response) => {
      const body = inflated[nameIn(request)]!;
      response.writeHead(200, { "content-length": body.length }).end(body);
    };
    expect((await load()).length).toBe(COUNT);
  });

  it("refuses labels that are no classes", async () => {
    const data = new Uint8Array(COUNT);
    data[1] = 10;
    answer = serve({ "test-labels.idx.gz": gzipSync(formatIdx({ shape: [COUNT], data })) });
    expect(await refusal(load())).toContain("labels must be 0…9 — got 10 for example 1");
  });
});

const index = {
  name: "pets",
  classes: ["cat", "dog"],
  train: [
    { name: "cat/1.png", label: 0 },
    { name: "dog/1.png", label: 1 },
  ],
  test: [{ name: "cat/2.png", label: 0 }],
};
const parse = (value: unknown) =>
  parseFolderIndex(new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value)));

describe("the index of a class folder", () => {
  it("is read", () => {
    expect(parse(index)).toEqual(index);
    expect(parse({ ...index, more: 1 })).toMatchObject(index);
  });

  it.each<[string, unknown, string]>([
    ["no JSON", "{", "index.json is not JSON"],
    ["a web page", "<!doctype html>", "index.json is not JSON but a web page"],
    ["nothing", "null", "index.json: it must be an object with classes — got null"],
    ["no classes", { ...index, classes: [] }, "classes must be a list of at least 1 times non-empty text"],
    [
      "a class without a name",
      { ...index, classes: ["cat", ""] },
      'classes[1] must be non-empty text — got ""',
    ],
    [
      "no split",
      { ...index, test: undefined },
      "test must be a list of an object with name, label — got nothing",
    ],
    [
      "no label",
      { ...index, train: [{ name: "a" }] },
      "train[0].label must be a whole number 0…1 — got nothing",
    ],
    [
      "text for a label",
      { ...index, train: [...index.train, { name: "a", label: "cat" }] },
      'index.json: train[2].label must be a whole number 0…1 — got "cat"',
    ],
    [
      "a label beyond the classes",
      { ...index, test: [{ name: "a", label: 2 }] },
      "test[0].label must be a whole number",
    ],
    ["half a label", { ...index, test: [{ name: "a", label: 0.5 }] }, "— got 0.5"],
    [
      "no label but an inherited one",
      '{"name":"x","classes":["a"],"train":[{"__proto__":{"label":0}}],"test":[]}',
      "name",
    ],
  ])("with %s is refused", (_, value, message) => {
    expect(() => parse(value)).toThrow(DataError);
    expect(() => parse(value)).toThrow(message);
  });

  it("is checked before any image is asked for", async () => {
    const asked: string[] = [];
    answer = ({ url }, response) => {
      asked.push(url!);
      response.end(JSON.stringify({ ...index, train: [{ name: "a", label: "cat" }] }));
    };
    const message = await refusal(loadImageFolder("train", { baseUrl: address, size: 4 }));
    expect(message).toBe('index.json: train[0].label must be a whole number 0…1 — got "cat"');
    expect(asked).toEqual(["/index.json"]);
  });

  it("that stalls, is missing or too large is named", async () => {
    const read = (stallTimeout = 5000) =>
      loadImageFolder("train", { baseUrl: address, size: 4, stallTimeout });
    answer = () => {};
    expect(await refusal(read(100))).toBe("cannot read index.json — no byte arrived for 0.1 seconds");
    answer = (_, response) => response.writeHead(404).end();
    expect(await refusal(read())).toBe("cannot read index.json — HTTP 404");
    answer = (_, response) => response.writeHead(200, { "content-length": 2 ** 40 }).write("{");
    expect(await refusal(read())).toContain("index.json is too large — 1099511627776 bytes");
  });
});
