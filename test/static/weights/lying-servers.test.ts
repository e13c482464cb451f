/** Servers that stall, lie about lengths and ranges, and change or replace files half-way. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WeightsError } from "../../../src/base/errors.ts";
import { importKeras } from "../../../src/formats/keras/import.ts";
import { loadPretrained } from "../../../src/transfer/pretrained.ts";
import { openSafetensors } from "../../../src/weights/file.ts";
import { encodeSafetensors } from "../../../src/weights/safetensors.ts";
import { type OpenOptions, openBytes } from "../../../src/weights/source.ts";
import { memoryTarget, tinyResnet, weightsFixture } from "../../support/data/weights.ts";

const version = (value: number): Uint8Array =>
  encodeSafetensors(new Map([["w", { shape: [100_000], data: new Float32Array(100_000).fill(value) }]]));
const [first, second] = [version(1), version(2)];

type Answer = (request: IncomingMessage, response: ServerResponse, number: number) => void;
let answer: Answer;
let asked: (string | undefined)[];

const server = createServer((request, response) => {
  asked.push(request.headers.range);
  answer(request, response, asked.length - 1);
});
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
  asked = [];
});

/** The range that is asked for; the whole file if none is. */
function rangeOf({ headers }: IncomingMessage, size: number): [begin: number, end: number] {
  const [, begin, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? "bytes=0-")!;
  return [Number(begin), last ? Math.min(Number(last) + 1, size) : size];
}

/** Answers as one should, but for these headers and what is sent of the body. */
function serve(
  file: Uint8Array,
  headers: Record<string, string | number> = {},
  send = (response: ServerResponse, body: Uint8Array): unknown => response.end(body),
): Answer {
  return (request, response) => {
    const [begin, end] = rangeOf(request, file.length);
    const isPart = request.headers.range !== undefined;
    response.writeHead(isPart ? 206 : 200, {
      "content-length": end - begin,
      ...(isPart && { "content-range": `bytes ${begin}-${end - 1}/${file.length}` }),
      ...headers,
    });
    send(response, file.subarray(begin, end));
  };
}

const half = (response: ServerResponse, body: Uint8Array): void => {
  response.write(body.subarray(0, body.length / 2), () => setTimeout(() => response.destroy(), 5));
};
const stall = (response: ServerResponse, body: Uint8Array): unknown =>
  response.write(body.subarray(0, body.length / 2));

const options: OpenOptions = { retries: 1 };
const stalling: OpenOptions = { retries: 1, stallTimeout: 150 };
const whole = (more: OpenOptions = {}) =>
  openBytes(`${address}/w.safetensors`, { ...options, ...more }).whole(first.length + 100);
const same = (bytes: Uint8Array, file: Uint8Array): void => expect(Buffer.compare(bytes, file)).toBe(0);

/** Reads the only tensor. */
async function value(): Promise<number> {
  const opened = await openSafetensors(`${address}/w.safetensors`, options);
  const values = (await opened.read(["w"])).get("w")!;
  expect(new Set(values).size).toBe(1);
  return values[0]!;
}

describe("a stall", () => {
  it("ends, and the download resumes where it stopped", async () => {
    answer = (request, response, number) =>
      serve(first, {}, number === 0 ? stall : undefined)(request, response, number);
    same(await whole({ ...stalling, retries: 9 }), first);
    expect(asked[0]).toBe("bytes=0-");
    expect(asked[1]).toMatch(/^bytes=[1-9]\d*-$/);
  });

  it.each<[string, Answer]>([
    ["in the body", serve(first, {}, stall)],
    ["before the body", serve(first, {}, (response) => response.flushHeaders())],
    ["before the headers", () => {}],
  ])("%s is an error after the retries", async (_, stalled) => {
    answer = (request, response, number) => {
      if (number === 0) return stalled(request, response, number);
      // Later requests get no byte at all, so that retries count.
      return undefined;
    };
    await expect(whole(stalling)).rejects.toThrow(WeightsError);
    asked = [];
    await expect(whole(stalling)).rejects.toThrow(
      /failed at byte \d+, 2 times in a row — no byte arrived for 0.15 seconds/,
    );
  });

  it("is what a slow download is not", async () => {
    answer = serve(first, {}, async (response, body) => {
      const step = Math.ceil(body.length / 8);
      for (let at = 0; at < body.length; at += step) {
        response.write(body.subarray(at, at + step));
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      response.end();
    });
    same(await whole({ retries: 0, stallTimeout: 1500 }), first);
    expect(asked).toHaveLength(1);
  });

  it("can be waited for", async () => {
    answer = (request, response, number) => {
      setTimeout(() => serve(first)(request, response, number), 300);
    };
    same(await whole({ stallTimeout: 0 }), first);
    expect(asked).toHaveLength(1);
  });

  it("stops at once when told to", async () => {
    answer = () => {};
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("enough")), 20);
    const reading = openBytes(`${address}/w`, { retries: 1, stallTimeout: 0 }).whole(100, {
      signal: stop.signal,
    });
    await expect(reading).rejects.toThrow("enough");
  });
});

describe("a range", () => {
  it.each([
    ["without a Content-Range", { "content-range": "" }],
    ["with a Content-Range that says nothing", { "content-range": "bytes" }],
    ["of the compressed file", { "content-encoding": "gzip" }],
  ])("%s is not believed, and the whole file is read", async (_, headers) => {
    // Whatever is asked for, the bytes are those from 7 on.
    answer = (request, response, number) => {
      if (request.headers.range === undefined) return serve(first)(request, response, number);
      response.writeHead(206, headers).end(first.subarray(7));
    };
    expect(await value()).toBe(1);
  });

  it("is not sent to who asked for none", async () => {
    answer = (_, response) => response.writeHead(206, { "content-length": 10 }).end(first.subarray(0, 10));
    await expect(value()).rejects.toThrow(WeightsError);
    await expect(value()).rejects.toThrow("sends a part of the file, but does not say which");
  });

  it.each([
    ["begins elsewhere", `bytes 8-15/${first.length}`, /asked for byte 0, got byte 8/],
    ["ends beyond the file", "bytes 0-7/4", /impossible range: bytes 0-7\/4/],
    ["is longer than the body", `bytes 0-99/${first.length}`, /impossible range: .*content-length 8/],
  ])("that %s is refused", async (_, range, message) => {
    answer = serve(first, { "content-range": range });
    await expect(value()).rejects.toThrow(WeightsError);
    await expect(value()).rejects.toThrow(message);
  });

  it("with more bytes than it says is cut", async () => {
    answer = (request, response) => {
      const [begin, end] = rangeOf(request, first.length);
      response.writeHead(206, { "content-range": `bytes ${begin}-${end - 1}/${first.length}` });
      response.end(Buffer.concat([first.subarray(begin, end), Buffer.alloc(50, 0xff)]));
    };
    expect(await value()).toBe(1);
    same(await whole(), first);
  });

  it("may be answered with the whole file, also half-way", async () => {
    answer = (request, response, number) => {
      if (number < 2) return serve(first, {}, number === 1 ? half : undefined)(request, response, number);
      response.writeHead(200, { "content-length": first.length }).end(first);
    };
    same(await whole(), first);
    answer = (_, response) => response.writeHead(200, { "content-length": first.length }).end(first);
    expect(await value()).toBe(1);
  });
});

describe("a file that changes", () => {
  const changing = [
    ["ETag", { etag: '"1"' }, { etag: '"2"' }],
    [
      "date",
      { "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT" },
      { "last-modified": "Fri, 02 Jan 2026 00:00:00 GMT" },
    ],
  ] as const;

  it.each(changing)("by its %s while it is resumed is read anew", async (_, before, after) => {
    answer = (request, response, number) =>
      (number === 0 ? serve(first, before, half) : serve(second, after))(request, response, number);
    same(await whole(), second);
  });

  it.each(changing)("by its %s between header and data is read anew", async (_, before, after) => {
    let isNew = false;
    answer = (request, response, number) => {
      isNew ||= rangeOf(request, first.length)[0] > 8;
      return (isNew ? serve(second, after) : serve(first, before))(request, response, number);
    };
    expect(await value()).toBe(2);
  });

  it.each(changing)("by its %s in the middle of the data is read anew", async (_, before, after) => {
    let isNew = false;
    answer = (request, response, number) => {
      if (isNew) return serve(second, after)(request, response, number);
      isNew = rangeOf(request, first.length)[0] > 8;
      return serve(first, before, isNew ? half : undefined)(request, response, number);
    };
    expect(await value()).toBe(2);
  });

  it("by its length while it is resumed is read anew", async () => {
    const longer = Buffer.concat([second, Buffer.alloc(8)]);
    answer = (request, response, number) =>
      (number === 0 ? serve(first, {}, half) : serve(longer))(request, response, number);
    same(await whole(), longer);
    // Shorter than what has arrived already.
    const short = first.subarray(0, 1000);
    asked = [];
    answer = (request, response, number) => {
      if (number === 0) return serve(first, {}, half)(request, response, number);
      if (rangeOf(request, short.length)[0] < short.length) return serve(short)(request, response, number);
      response.writeHead(416, { "content-range": `bytes */${short.length}` }).end();
    };
    same(await whole(), short);
  });

  it("has the same version where the server only weakens its ETag", async () => {
    answer = (request, response, number) =>
      serve(first, { etag: number === 0 ? '"1"' : 'W/"1"' }, number === 0 ? half : undefined)(
        request,
        response,
        number,
      );
    same(await whole(), first);
    expect(asked).toHaveLength(2);
  });

  it("all the time is an error", async () => {
    answer = (request, response, number) =>
      serve(first, { etag: `"${number}"` }, half)(request, response, number);
    await expect(whole()).rejects.toThrow(/changed on the server while it was read: its ETag was/);
    await expect(value()).rejects.toThrow(/changed on the server/);
  });
});

describe("lengths", () => {
  it("that say more than is sent are noticed", async () => {
    answer = serve(first, {}, half);
    await expect(whole({ retries: 0 })).rejects.toThrow(/failed at byte \d+/);
    answer = (_, response) => {
      response.writeHead(200, { "content-length": first.length + 50 });
      response.write(first, () => setTimeout(() => response.destroy(), 5));
    };
    await expect(whole({ retries: 0 })).rejects.toThrow(/failed at byte/);
  });

  it("that say less than is sent give a file that is cut short", async () => {
    answer = (_, response) => {
      response.writeHead(200, { "content-length": 100, connection: "close" });
      response.socket!.end(first);
      response.end(first.subarray(0, 100));
    };
    await expect(value()).rejects.toThrow(WeightsError);
  });

  it("of absurd size allocate nothing", async () => {
    answer = (_, response) => response.writeHead(200, { "content-length": 2 ** 52 }).write(first);
    await expect(whole()).rejects.toThrow(/is too large: 4503599627370496 bytes/);
  });

  it("of a body without end do not count", async () => {
    answer = (_, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write(first, more);
      };
      more();
    };
    await expect(whole()).rejects.toThrow(/is too large: \d+ bytes, at most/);
  });
});

describe("what is on the way", () => {
  it("may redirect and compress", async () => {
    answer = ({ url }, response) => {
      if (url === "/w.safetensors") return response.writeHead(302, { location: "/elsewhere" }).end();
      const body = gzipSync(first);
      response.writeHead(200, { "content-encoding": "gzip", "content-length": body.length }).end(body);
    };
    same(await whole(), first);
    expect(await value()).toBe(1);
  });

  it("may not redirect for ever", async () => {
    answer = (_, response) => response.writeHead(302, { location: "/w.safetensors" }).end();
    await expect(whole({ retries: 0 })).rejects.toThrow(/download failed.*redirect/);
  });
});

describe("a web page instead of a file", () => {
  beforeEach(() => {
    answer = (_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>App</title>");
  });

  it.each<[string, () => Promise<unknown>]>([
    ["openSafetensors", () => openSafetensors(`${address}/w.safetensors`, options)],
    ["an index", () => openSafetensors(`${address}/w.safetensors.index.json`, options)],
    ["importKeras", () => importKeras(`${address}/model.json`, options)],
    ["loadPretrained", () => loadPretrained(memoryTarget(tinyResnet()), `${address}/model.onnx`, options)],
  ])("is named by %s", async (_, read) => {
    await expect(read()).rejects.toThrow(WeightsError);
    await expect(read()).rejects.toThrow(/ a web page/);
  });
});

it("a model of Keras is resumed, and stalls end", async () => {
  const files = new Map(
    ["model.json", "group1-shard1of1.bin"].map((name) => [
      `/${name}`,
      weightsFixture(`../keras/small/${name}`),
    ]),
  );
  answer = (request, response, number) =>
    serve(files.get(request.url!)!, {}, number === 1 ? stall : number === 2 ? half : undefined)(
      request,
      response,
      number,
    );
  const { weights } = await importKeras(`${address}/model.json`, { stallTimeout: 150 });
  expect(weights.size).toBeGreaterThan(3);
  expect(asked.length).toBeGreaterThanOrEqual(4);
  answer = () => {};
  await expect(importKeras(`${address}/model.json`, { stallTimeout: 20 })).rejects.toThrow(/no byte arrived/);
});
