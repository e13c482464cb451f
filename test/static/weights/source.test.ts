/** Reading safetensors from a server on this machine, from Files and from memory. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { openSafetensors } from "../../../src/weights/file.ts";
import { loadWeights } from "../../../src/weights/load.ts";
import type { ReadOptions } from "../../../src/weights/ranges.ts";
import { encodeSafetensors } from "../../../src/weights/safetensors.ts";
import { openShards } from "../../../src/weights/shards.ts";
import { openBytes } from "../../../src/weights/source.ts";
import { memoryTarget, numpy, sumsOf, tinyResnet, weightsFixture } from "../../support/data/weights.ts";

/** What the server does with a request, besides serving the file. */
interface Behaviour {
  /** Answers with the whole file, whatever was asked for. */
  noRanges?: boolean;
  /** Does not say how long anything is. */
  chunked?: boolean;
  /** Breaks the connection after this many bytes of a body. */
  cutAfter?: number;
  /** Ends the body in good order after this many bytes. */
  shortAfter?: number;
  status?: number;
  headers?: Record<string, string>;
}

// The first tensor takes 1 MB, so that ranges are worth while, and its neighbours are small.
const big = Float32Array.from({ length: 250_000 }, (_, i) => i);
const file = encodeSafetensors(
  new Map([
    ["a", { shape: [3], data: Float32Array.of(1, 2, 3) }],
    ["big", { shape: [500, 500], data: big }],
    ["empty", { shape: [0], data: new Float32Array() }],
    ["z", { shape: [2], data: Float32Array.of(8, 9) }],
  ]),
  { format: "pt" },
);
const dataStart = file.length - 4 * (3 + 250_000 + 2);

let served: Uint8Array;
let behave: (request: number) => Behaviour;
let ranges: (string | undefined)[];
let sent = 0;

function respond({ url, headers }: IncomingMessage, response: ServerResponse): void {
  const { noRanges, chunked, cutAfter, shortAfter, status, headers: extra } = behave(ranges.length);
  ranges.push(headers.range);
  if (status) {
    response.writeHead(status).end("no");
    return;
  }
  const body = url!.startsWith("/fixtures/") ? weightsFixture(url!.slice(10).replace(/\?.*/, "")) : served;
  const [, begin, end] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "") ?? [];
  const partial = begin !== undefined && !noRanges;
  if (partial && Number(begin) >= body.length) {
    response.writeHead(416).end();
    return;
  }
  const part = partial ? body.subarray(Number(begin), end ? Number(end) + 1 : body.length) : body;
  response.writeHead(partial ? 206 : 200, {
    ...(!chunked && { "content-length": part.length }),
    ...(partial &&
      !chunked && { "content-range": `bytes ${begin}-${Number(begin) + part.length - 1}/${body.length}` }),
    etag: '"1"',
    ...extra,
  });
  if (shortAfter !== undefined) {
    response.end(part.subarray(0, shortAfter));
  } else if (cutAfter !== undefined && cutAfter < part.length) {
    response.write(part.subarray(0, cutAfter), () => setTimeout(() => response.destroy(), 5));
    sent += cutAfter;
  } else {
    sent += part.length;
    response.end(part);
  }
}

const server = createServer(respond);
let address: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  served = file;
  behave = () => ({});
  ranges = [];
  sent = 0;
});

const open = (retries = 1) => openSafetensors(`${address}/model.safetensors?secret=1`, { retries });

function expectBig(values: ReadonlyMap<string, Float32Array>): void {
  const read = values.get("big")!;
  expect(read.length).toBe(big.length);
  expect(read.findIndex((value, i) => value !== big[i])).toBe(-1);
}

describe("a file on a server", () => {
  it("is opened by its header, and only what is wanted is read", async () => {
    const opened = await open();
    expect(opened.name).toBe(`${address}/model.safetensors`);
    expect(opened.metadata).toEqual({ format: "pt" });
    expect([...opened.tensors.keys()]).toEqual(["a", "big", "empty", "z"]);
    expect(opened.tensors.get("big")).toMatchObject({ dtype: "F32", shape: [500, 500] });
    expect(ranges).toEqual(["bytes=0-7", `bytes=8-${dataStart - 1}`]);

    ranges = [];
    const progress: number[][] = [];
    const values = await opened.read(["z", "empty", "a", "z"], {
      onProgress: (loaded, total) => progress.push([loaded, total]),
    });
    expect(Object.fromEntries(values)).toEqual({
      a: Float32Array.of(1, 2, 3),
      empty: new Float32Array(),
      z: Float32Array.of(8, 9),
    });
    // The megabyte between the two is not worth reading.
    expect(ranges).toEqual([
      `bytes=${dataStart}-${dataStart + 11}`,
      `bytes=${file.length - 8}-${file.length - 1}`,
    ]);
    expect(progress.at(-1)).toEqual([20, 20]);
    expect(sent).toBeLessThan(1000);
    expect(await opened.read([])).toEqual(new Map());
    expect(await opened.read(["empty"])).toEqual(new Map([["empty", new Float32Array()]]));
  });

  it("reports progress that rises to the total", async () => {
    const seen: number[] = [];
    const opened = await open();
    await opened.read(["big", "z"], {
      onProgress(loaded, total) {
        seen.push(loaded);
        expect(total).toBe(1_000_008);
      },
    });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.at(-1)).toBe(1_000_008);
  });

  it("is read from a server that ignores ranges, in one go", async () => {
    behave = () => ({ noRanges: true });
    const opened = await open();
    ranges = [];
    const values = await opened.read(["a", "z"]);
    expect([...values.get("z")!]).toEqual([8, 9]);
    expect(ranges.length).toBe(1);
  });

  it("is read from a server that says no lengths", async () => {
    for (const noRanges of [false, true]) {
      behave = () => ({ chunked: true, noRanges });
      const values = await (await open()).read(["big", "z"]);
      expectBig(values);
      expect([...values.get("z")!]).toEqual([8, 9]);
    }
  });

  it("is read on from where the connection broke", async () => {
    const opened = await open();
    ranges = [];
    sent = 0;
    behave = (request) => (request < 3 ? { cutAfter: 300_000 } : {});
    const seen: number[] = [];
    const values = await opened.read(["big"], { onProgress: (loaded) => seen.push(loaded) });
    expectBig(values);
    expect(ranges.length).toBe(4);
    const begins = ranges.map((range) => Number(/\d+/.exec(range!)![0]));
    expect(begins).toEqual([...begins].sort((a, b) => a - b));
    // Bytes on their way when the connection breaks may be lost.
    expect(begins[3]).toBeGreaterThan(dataStart + 12 + 500_000);
    expect(seen.at(-1)).toBe(1_000_000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it("is read on where the server ignores ranges, passing over what it has", async () => {
    const opened = await open();
    behave = (request) => ({ noRanges: true, ...(request === 2 && { cutAfter: 500_000 }) });
    expectBig(await opened.read(["big"]));
    expect(ranges.length).toBe(4);
  });

  it("is asked for again after HTTP 503, and given up after too many of them", async () => {
    behave = (request) => (request === 0 ? { status: 503 } : {});
    expect((await open()).tensors.size).toBe(4);
    behave = () => ({ status: 503 });
    await expect(open()).rejects.toThrow(
      /model\.safetensors: the download failed at byte 0, 2 times in a row — HTTP 503/,
    );
  });

  it.each([404, 403])("is not asked for again after HTTP %i", async (status) => {
    behave = () => ({ status });
    await expect(open()).rejects.toThrow(`model.safetensors: the server answered HTTP ${status}`);
    expect(ranges.length).toBe(1);
  });

  it("keeps what follows the path out of errors", async () => {
    behave = () => ({ status: 404 });
    const error = await open().catch((e: Error) => e.message);
    expect(error).not.toContain("secret");
  });

  it("may change between header and data only for one with the same header and size", async () => {
    const opened = await open();
    behave = () => ({ headers: { etag: '"2"' } });
    served = file.slice();
    served.fill(0, dataStart);
    const zeros = new Float32Array(3);
    expect(await opened.read(["a"])).toEqual(new Map([["a", zeros]]));
    // But values of two versions are never mixed, however often one asks.
    behave = () => ({ headers: { etag: '"3"' } });
    for (let i = 0; i < 2; i++) await expect(opened.read(["z"])).rejects.toThrow("changed on the server");
  });

  it("must not change its length while it is read", async () => {
    const opened = await open();
    served = file.subarray(0, file.length - 4);
    await expect(opened.read(["a"])).rejects.toThrow(
      `changed on the server while it was read: ${file.length} bytes, now`,
    );
    await expect(opened.read(["a"])).rejects.toThrow("changed on the server");
  });

  it("must have the range that was asked for", async () => {
    behave = () => ({ headers: { "content-range": `bytes 4-11/${file.length}` } });
    await expect(open()).rejects.toThrow("asked for byte 0, got byte 4");
  });

  it("is refused when cut short, whether or not the server says lengths", async () => {
    for (const length of [0, 5, 100, dataStart, file.length - 4]) {
      served = file.subarray(0, length);
      await expect(open(0), `${length} bytes`).rejects.toThrow(WeightsError);
    }
    served = file.subarray(0, file.length - 4);
    for (const noRanges of [false, true]) {
      behave = () => ({ chunked: true, noRanges });
      const opened = await open(0);
      await expect(opened.read(["z"])).rejects.toThrow(
        /failed at byte \d+, 1 times in a row — the connection was closed/,
      );
    }
    behave = () => ({ shortAfter: 0, chunked: true });
    await expect(open(1)).rejects.toThrow(/connection was closed/);
  });

  it("allocates nothing by what a header claims when the server says no lengths", async () => {
    const length = 2 ** 50;
    const header = new TextEncoder().encode(
      JSON.stringify({ x: { dtype: "F32", shape: [length / 4], data_offsets: [0, length] } }),
    );
    served = new Uint8Array(8 + header.length + 100);
    new DataView(served.buffer).setBigUint64(0, BigInt(header.length), true);
    served.set(header, 8);
    behave = () => ({ chunked: true });
    const opened = await open(0);
    await expect(opened.read(["x"])).rejects.toThrow(WeightsError);
  });

  it("stops at once when told to", async () => {
    const stop = new AbortController();
    const opened = await open();
    const reading = opened.read(["big"], {
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("enough")),
    });
    await expect(reading).rejects.toThrow("enough");
    // Also while it waits to try again.
    behave = () => ({ status: 500 });
    const waiting = new AbortController();
    const second = opened.read(["big"], { signal: waiting.signal });
    setTimeout(() => waiting.abort(new Error("enough too")), 50);
    await expect(second).rejects.toThrow("enough too");
    await expect(opened.read(["a"], { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow(
      "before",
    );
  });

  it("is named where nobody answers", async () => {
    const closed = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => closed.once("listening", resolve));
    const { port } = closed.address() as AddressInfo;
    await new Promise((resolve) => closed.close(resolve));
    await expect(openSafetensors(`http://127.0.0.1:${port}/m.safetensors`, { retries: 0 })).rejects.toThrow(
      /^http:\/\/127\.0\.0\.1:\d+\/m\.safetensors: the download failed .*ECONNREFUSED/,
    );
    await expect(openSafetensors("no address")).rejects.toThrow("no address is not a valid URL");
  });
});

describe("a model cut short of its last stage", () => {
  it("does not read the rest", async () => {
    const target = memoryTarget(tinyResnet());
    const part = { ...target, weights: target.weights.filter(({ name }) => !/^(layer2|fc)\./.test(name)) };
    let total = 0;
    const report = await loadWeights(part, `${address}/fixtures/resnet-torchvision.safetensors`, {
      map: (name) => (/^(layer2|fc)\./.test(name) ? undefined : name),
      onProgress: (_, all) => {
        total = all;
      },
    });
    expect(report.unexpected).toEqual([]);
    const numbers = [...target.values.values()].reduce((sum, values) => sum + values.length, 0);
    expect(numbers).toBe(4 * 3 * 49 + 2 * 4 * 4 * 9 + 3 * 4 * 4);
    expect(total).toBe(4 * numbers);
  });
});

describe("a whole file", () => {
  const whole = (most = file.length, options: ReadOptions = {}) =>
    openBytes(`${address}/model.onnx`, { retries: 1 }).whole(most, options);

  it.each([
    ["as it should be", {}, {}],
    ["from a server that ignores ranges", { noRanges: true }, {}],
    ["from a server that does neither", { chunked: true, noRanges: true }, {}],
    // Whoever does not say which range it is is asked for the whole file.
    ["from a server that says no lengths", { chunked: true }, { chunked: true }],
    ["from a server that hides the header of ranges", { headers: { "content-range": "" } }, {}],
  ])("is read %s", async (_, behaviour, second) => {
    behave = (request) => (request === 0 ? behaviour : second);
    const seen: number[][] = [];
    const bytes = await whole(file.length, { onProgress: (...now) => seen.push(now) });
    expect(Buffer.compare(bytes, file)).toBe(0);
    expect(seen.at(-1)).toEqual([file.length, file.length]);
    const isBelieved = "noRanges" in behaviour || Object.keys(behaviour).length === 0;
    expect(ranges).toEqual(isBelieved ? ["bytes=0-"] : ["bytes=0-", undefined]);
  });

  it("is read on from where the connection broke, where lengths are known", async () => {
    behave = (request) => (request < 2 ? { cutAfter: 300_000 } : {});
    expect(Buffer.compare(await whole(), file)).toBe(0);
    expect(ranges.length).toBe(3);
  });

  it("is refused where it is longer than what is read of its kind, as soon as that shows", async () => {
    const message = `model.onnx: is too large: ${file.length} bytes, at most 1000 are read`;
    await expect(whole(1000)).rejects.toThrow(message);
    behave = () => ({ chunked: true });
    await expect(whole(1000)).rejects.toThrow(/is too large: \d+ bytes, at most 1000 are read/);
    await expect(openBytes(file).whole(1000)).rejects.toThrow("at most 1000 are read");
    expect(Buffer.compare(await openBytes(new Blob([file])).whole(file.length), file)).toBe(0);
  });
});

describe("a sharded model", () => {
  const index = () => `${address}/fixtures/resnet.safetensors.index.json?download=true`;

  it("is read as one file", async () => {
    const opened = await openSafetensors(index());
    expect(opened.tensors.size).toBe(Object.keys(numpy.resnet).length + 6);
    const progress: number[][] = [];
    const values = await opened.read(Object.keys(numpy.resnet), {
      onProgress: (loaded, total) => progress.push([loaded, total]),
    });
    for (const [name, sums] of Object.entries(numpy.resnet))
      expect(sumsOf(values.get(name)!), name).toEqual(sums);
    const [loaded, total] = progress.at(-1)!;
    expect(loaded).toBe(total);
    await expect(opened.read(["nothing"])).rejects.toThrow("there is no tensor nothing");
  });

  it.each([
    ["no JSON", "{", /the index is not JSON/],
    ["no map", "{}", /the index: weight_map must be an object of .* — got nothing/],
    [
      "a file elsewhere",
      '{"weight_map":{"x":"../x.safetensors"}}',
      /weight_map\.x must be a .safetensors file beside the index — got "\.\.\/x/,
    ],
    ["another server", '{"weight_map":{"x":"http://example.com/x.safetensors"}}', /beside the index/],
    ["no file", '{"weight_map":{"x":7}}', /beside the index — got 7/],
  ])("is refused for %s", async (_, text, message) => {
    served = new TextEncoder().encode(text);
    await expect(openSafetensors(`${address}/model.index.json`)).rejects.toThrow(message);
  });

  it("is refused or read soundly whatever bytes of its index change", async () => {
    const index = weightsFixture("resnet.safetensors.index.json");
    const shards = ["shard-1.safetensors", "shard-2.safetensors"];
    const byte = fc.constantFrom(...'01279sr"[]{},:.-/'.split("").map((c) => c.charCodeAt(0)));
    const changes = fc.array(fc.tuple(fc.nat(index.length - 1), byte), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const changed = index.slice();
        for (const [at, value] of list) changed[at] = value;
        const open = async (name: string) => {
          if (shards.includes(name)) return openSafetensors(weightsFixture(name));
          throw new WeightsError(`${name} is not there`);
        };
        try {
          const { tensors, read } = await openShards(openBytes(changed), open, {});
          const floats = [...tensors].filter(([, { dtype }]) => dtype === "F32").map(([name]) => name);
          expect((await read(floats)).size).toBe(floats.length);
        } catch (error) {
          expect(error).toBeInstanceOf(WeightsError);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is refused where a file lacks a tensor", async () => {
    behave = (request) => {
      if (request === 1) served = file;
      return {};
    };
    served = new TextEncoder().encode('{"weight_map":{"x":"model.safetensors"}}');
    await expect(openSafetensors(`${address}/model.index.json`)).rejects.toThrow(
      "model.safetensors: there is no tensor x",
    );
  });
});

describe("a file at hand", () => {
  it.each([
    ["bytes", file],
    ["bytes within others", new Uint8Array([1, 2, 3, ...file.subarray(0)]).subarray(3)],
    ["a buffer", file.buffer],
    ["a Blob", new Blob([file])],
    ["a File", new File([file], "model.safetensors")],
  ])("is read from %s", async (_, source) => {
    const opened = await openSafetensors(source);
    const progress: number[][] = [];
    const values = await opened.read(["z", "a", "empty"], {
      onProgress: (loaded, total) => progress.push([loaded, total]),
    });
    expect([...values.get("a")!, ...values.get("z")!]).toEqual([1, 2, 3, 8, 9]);
    expect(progress.at(-1)).toEqual([20, 20]);
    await expect(opened.read(["b"])).rejects.toThrow("there is no tensor b");
  });

  it("says its name, or the one it was given, in errors", async () => {
    await expect(openSafetensors(new File(["short"], "x.safetensors"))).rejects.toThrow(
      /^x\.safetensors: not a saf/,
    );
    await expect(openSafetensors(new Blob(["no safetensors"]))).rejects.toThrow(
      /^file: not a safetensors file/,
    );
    await expect(openSafetensors(new ArrayBuffer(3), { name: "mine" })).rejects.toThrow(
      /^mine: not a safetensors/,
    );
  });

  it("says the tensor whose numbers are no floats", async () => {
    const opened = await openSafetensors(weightsFixture("resnet-torchvision.safetensors"), { name: "r" });
    await expect(opened.read(["bn1.num_batches_tracked"])).rejects.toThrow(
      "r: bn1.num_batches_tracked: must be F32, F16, BF16 or F64 — got I64",
    );
  });

  it("does not read on when told to stop", async () => {
    const opened = await openSafetensors(new Blob([file]));
    await expect(opened.read(["a"], { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });
});
